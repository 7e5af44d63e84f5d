-- expect: reversible
DROP VIEW buyers;
ALTER TABLE orders RENAME TO orders_old;
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),
  total REAL CHECK (total >= 0),
  note TEXT
);
INSERT INTO orders SELECT * FROM orders_old;
DROP TABLE orders_old;
