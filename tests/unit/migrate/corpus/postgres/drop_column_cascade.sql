-- expect: lossy, lost up
-- says: CASCADE
ALTER TABLE users DROP COLUMN email CASCADE;
