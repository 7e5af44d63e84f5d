-- expect: lossy, lost up
-- says: time zone
ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz;
