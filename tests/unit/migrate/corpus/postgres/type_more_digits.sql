-- expect: additive
ALTER TABLE users ALTER COLUMN balance TYPE numeric(14, 2);
