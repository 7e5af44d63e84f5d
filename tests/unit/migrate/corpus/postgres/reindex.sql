-- expect: additive
REINDEX TABLE orders;
ANALYZE orders;
CLUSTER orders USING orders_pkey;
