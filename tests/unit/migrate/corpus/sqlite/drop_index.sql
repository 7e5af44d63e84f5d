-- expect: reversible
DROP INDEX orders_user;
