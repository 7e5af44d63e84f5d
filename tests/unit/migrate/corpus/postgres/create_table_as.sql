-- expect: additive
CREATE TABLE big_orders AS SELECT * FROM orders WHERE total > 15;
