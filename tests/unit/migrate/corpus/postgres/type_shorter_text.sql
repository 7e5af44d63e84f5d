-- expect: reversible
-- says: refused, not cut
ALTER TABLE orders ALTER COLUMN note TYPE varchar(20);
