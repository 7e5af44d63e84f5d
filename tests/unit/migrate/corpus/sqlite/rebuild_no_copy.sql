-- expect: lossy, lost up
-- says: all rows of orders
PRAGMA legacy_alter_table = ON;
CREATE TABLE orders_new (
  id INTEGER PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),
  total REAL CHECK (total >= 0),
  note TEXT
);
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
