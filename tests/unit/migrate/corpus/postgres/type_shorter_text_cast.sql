-- expect: lossy, lost up
-- says: cuts off
ALTER TABLE orders ALTER COLUMN note TYPE varchar(2) USING note::varchar(2);
