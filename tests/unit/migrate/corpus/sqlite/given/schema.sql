CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL UNIQUE,
  name TEXT,
  age INTEGER,
  zip TEXT
);
CREATE TABLE posts (
  id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),
  author INTEGER REFERENCES users (id) ON DELETE CASCADE,
  title TEXT NOT NULL DEFAULT ''
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),
  total REAL CHECK (total >= 0),
  note TEXT
);
CREATE INDEX orders_user ON orders (user_id);
CREATE TABLE log (at TEXT DEFAULT CURRENT_TIMESTAMP, what TEXT);
CREATE TRIGGER orders_logged AFTER DELETE ON orders BEGIN INSERT INTO log (what) VALUES ('gone; ' || old.id); END;
CREATE VIEW buyers AS SELECT u.id, u.email FROM users u JOIN orders o ON o.user_id = u.id;
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
INSERT INTO users (email, name, age, zip) VALUES ('a@example.com', 'Ann', 30, '00701'), ('b@example.com', 'Bob', 40, NULL);
INSERT INTO posts (author, title) VALUES (1, 'one'), (2, 'two');
INSERT INTO orders (user_id, total, note) VALUES (1, 10, '007'), (2, 20.5, NULL);
