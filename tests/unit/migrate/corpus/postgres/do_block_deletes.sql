-- expect: lossy, lost up
DO $$
BEGIN
  IF EXISTS (SELECT FROM orders) THEN
    DELETE FROM orders WHERE note = 'it''s; gone';
  END IF;
END
$$;
