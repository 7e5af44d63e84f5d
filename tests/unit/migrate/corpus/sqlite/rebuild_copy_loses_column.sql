-- expect: lossy, lost up
-- says: the copy leaves it out
PRAGMA legacy_alter_table = ON;
CREATE TABLE orders_new (
  id INTEGER PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),
  total REAL CHECK (total >= 0),
  note TEXT
);
INSERT INTO orders_new (id, user_id, total, note) SELECT id, user_id, total, note FROM orders;
ALTER TABLE orders_new DROP COLUMN note;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
CREATE INDEX orders_user ON orders (user_id);
CREATE TRIGGER orders_logged AFTER DELETE ON orders BEGIN INSERT INTO log (what) VALUES ('gone; ' || old.id); END;
