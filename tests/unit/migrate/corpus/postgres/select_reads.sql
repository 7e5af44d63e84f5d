-- expect: additive
SELECT count(*) FROM users;
