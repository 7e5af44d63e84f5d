-- expect: additive
SELECT id, email INTO users_copy FROM users;
