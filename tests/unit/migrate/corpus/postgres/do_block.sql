-- expect: additive
-- says: new type
DO $$
BEGIN
  CREATE TYPE shape AS ENUM ('round');
EXCEPTION
  WHEN duplicate_object THEN NULL;
END
$$;
