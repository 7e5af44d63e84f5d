-- expect: lossy, lost up
ALTER TABLE users
  ADD COLUMN phone text,
  ALTER COLUMN name SET NOT NULL,
  DROP COLUMN born;
