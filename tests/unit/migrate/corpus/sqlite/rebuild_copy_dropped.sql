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
DROP TABLE orders_new;
DROP VIEW buyers;
DROP TABLE orders;
