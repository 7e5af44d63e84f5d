-- expect: additive
ALTER TABLE users ADD COLUMN display text;
ALTER TABLE users ALTER COLUMN display SET DEFAULT '';
UPDATE users SET display = email;
ALTER TABLE users ALTER COLUMN display SET NOT NULL;
