-- expect: additive
ANALYZE;
REINDEX orders_user;
