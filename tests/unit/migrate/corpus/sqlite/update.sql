-- expect: lossy, lost up
-- says: former values of users.email
UPDATE users SET email = lower(email);
