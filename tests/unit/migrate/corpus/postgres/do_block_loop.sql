-- expect: lossy, lost up
DO $$
DECLARE
  row record;
BEGIN
  FOR row IN SELECT id FROM orders LOOP
    UPDATE users SET age = 0 WHERE id = row.id;
  END LOOP;
END
$$;
