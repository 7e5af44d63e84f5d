-- expect: additive
ALTER TABLE users ADD COLUMN nickname text UNIQUE;
