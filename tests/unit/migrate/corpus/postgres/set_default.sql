-- expect: reversible
ALTER TABLE users ALTER COLUMN balance SET DEFAULT 100;
