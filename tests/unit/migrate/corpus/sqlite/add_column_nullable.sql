-- expect: additive
ALTER TABLE users ADD COLUMN phone TEXT;
