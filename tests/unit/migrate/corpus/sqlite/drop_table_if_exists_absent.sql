-- expect: additive
DROP TABLE IF EXISTS users_new;
