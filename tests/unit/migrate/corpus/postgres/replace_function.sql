-- expect: reversible
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.note := 'seen; twice';
  RETURN NEW;
END
$$;
