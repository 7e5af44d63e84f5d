-- expect: additive
ALTER TABLE users ADD COLUMN scratch TEXT;
ALTER TABLE users DROP COLUMN scratch;
