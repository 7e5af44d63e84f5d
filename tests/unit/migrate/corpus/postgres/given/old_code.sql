-- What code of before the migration does: all of it still works after an additive one.
INSERT INTO users (email, name) VALUES ('c@example.com', 'Cid');
INSERT INTO users (email, name) VALUES ('d@example.com', 'Dee');
SELECT id, email, name, age, balance, feeling, born, settings, created_at FROM users;
UPDATE users SET name = 'Anne', age = age + 1 WHERE email = 'a@example.com';
INSERT INTO orders (user_id, total) VALUES (1, 5);
INSERT INTO users (email) VALUES ('a@example.com') ON CONFLICT (email) DO NOTHING;
UPDATE orders SET total = total + 1;
INSERT INTO events (id, at) VALUES (1, '2026-06-01');
SELECT id, email FROM buyers;
SELECT user_id, sum FROM totals;
SELECT nextval('invoice_number');
DELETE FROM orders WHERE total > 20;
