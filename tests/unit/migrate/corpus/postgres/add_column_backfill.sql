-- expect: additive
ALTER TABLE users ADD COLUMN display text;
UPDATE users SET display = coalesce(name, email);
CREATE INDEX ON users (display);
