-- expect: lossy, lost up
ALTER TABLE orders ALTER COLUMN note TYPE integer USING note::integer;
