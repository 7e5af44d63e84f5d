-- expect: reversible
DROP TRIGGER orders_touch ON orders;
