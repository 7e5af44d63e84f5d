-- expect: lossy, lost up
-- says: rows or values of posts
DROP VIEW buyers;
DROP TABLE users;
