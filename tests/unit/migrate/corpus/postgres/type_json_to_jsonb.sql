-- expect: lossy, lost up
ALTER TABLE users ALTER COLUMN settings TYPE jsonb;
