-- expect: additive
ALTER TABLE users ADD COLUMN height integer CHECK (height > 0);
