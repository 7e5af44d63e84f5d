-- expect: lossy, lost up
ALTER TABLE users ALTER COLUMN created_at TYPE date;
