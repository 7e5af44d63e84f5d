-- expect: reversible
DROP TRIGGER orders_logged;
