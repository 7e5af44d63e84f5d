-- expect: additive
SET lock_timeout = '5s';
LOCK TABLE orders IN SHARE MODE;
