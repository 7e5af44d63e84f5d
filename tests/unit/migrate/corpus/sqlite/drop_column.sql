-- expect: lossy, lost up
-- says: all values of users.zip
ALTER TABLE users DROP COLUMN zip;
