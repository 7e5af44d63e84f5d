-- expect: additive
ALTER TABLE users ADD COLUMN display TEXT;
UPDATE users SET display = coalesce(name, email);
CREATE UNIQUE INDEX users_display ON users (display);
