-- expect: additive
-- says: cannot delete rows of users
ALTER TABLE orders ADD COLUMN seller bigint REFERENCES users (id);
