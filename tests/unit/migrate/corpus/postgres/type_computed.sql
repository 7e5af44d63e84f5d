-- expect: lossy, lost up
ALTER TABLE users ALTER COLUMN name TYPE text USING upper(name);
