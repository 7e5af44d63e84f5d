-- expect: lossy, lost up
-- says: all rows of orders
DROP TABLE orders CASCADE;
