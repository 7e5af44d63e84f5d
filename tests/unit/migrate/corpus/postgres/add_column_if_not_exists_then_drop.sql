-- expect: lossy, lost up
ALTER TABLE users ADD COLUMN IF NOT EXISTS name text;
ALTER TABLE users DROP COLUMN name;
