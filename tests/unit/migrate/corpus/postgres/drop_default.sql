-- expect: reversible
ALTER TABLE users ALTER COLUMN balance DROP DEFAULT;
