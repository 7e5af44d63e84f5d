-- expect: additive
-- says: cannot delete rows of users
CREATE TABLE invoices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users (id),
  cents INTEGER NOT NULL CHECK (cents > 0)
);
CREATE UNIQUE INDEX invoices_user ON invoices (user_id, cents);
INSERT INTO invoices (user_id, cents) SELECT user_id, 100 FROM orders;
