-- expect: additive
-- says: cannot delete rows of users
CREATE TABLE invoices (
  id bigserial PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users (id),
  cents integer NOT NULL CHECK (cents > 0)
);
CREATE UNIQUE INDEX invoices_user ON invoices (user_id, cents);
COMMENT ON TABLE invoices IS 'one row for every bill';
INSERT INTO invoices (user_id, cents) SELECT user_id, 100 FROM orders;
