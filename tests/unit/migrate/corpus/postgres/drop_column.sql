-- expect: lossy, lost up
-- says: all values of users.age
ALTER TABLE users DROP COLUMN age;
