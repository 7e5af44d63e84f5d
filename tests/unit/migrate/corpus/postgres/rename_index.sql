-- expect: additive
ALTER INDEX orders_user RENAME TO orders_by_user;
