-- expect: lossy, lost down
ALTER TABLE users ADD COLUMN display text;
UPDATE users SET display = email;
ALTER TABLE users ALTER COLUMN display SET NOT NULL;
