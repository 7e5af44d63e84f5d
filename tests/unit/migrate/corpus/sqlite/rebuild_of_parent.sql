-- expect: lossy, lost up
-- says: rows or values of posts
PRAGMA foreign_keys = OFF;
DROP VIEW buyers;
CREATE TABLE users_new (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL UNIQUE,
  name TEXT,
  age INTEGER,
  zip TEXT
);
INSERT INTO users_new SELECT * FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
