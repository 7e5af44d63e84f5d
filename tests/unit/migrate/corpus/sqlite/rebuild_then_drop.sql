-- expect: lossy, lost up
-- says: all rows of orders
PRAGMA legacy_alter_table = ON;
CREATE TABLE orders_new (
  id INTEGER PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),
  total REAL CHECK (total >= 0),
  note TEXT
);
INSERT INTO orders_new (id, user_id, total, note) SELECT id, user_id, total, note FROM orders;
DROP VIEW buyers;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
CREATE INDEX orders_user ON orders (user_id);
CREATE TRIGGER orders_logged AFTER DELETE ON orders BEGIN INSERT INTO log (what) VALUES ('gone; ' || old.id); END;
DROP TABLE orders;
