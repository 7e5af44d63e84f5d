-- What code of before the migration does: all of it still works after an additive one.
INSERT INTO users (email, name) VALUES ('c@example.com', 'Cid');
INSERT INTO users (email, name) VALUES ('d@example.com', 'Dee');
SELECT id, email, name, age, zip FROM users;
UPDATE users SET name = 'Anne', age = age + 1 WHERE email = 'a@example.com';
INSERT INTO users (email) VALUES ('a@example.com') ON CONFLICT (email) DO NOTHING;
INSERT INTO posts (author, title) VALUES (1, 'three');
INSERT INTO orders (user_id, total) VALUES (1, 5);
UPDATE orders SET total = total + 1;
SELECT id, email FROM buyers;
INSERT INTO settings VALUES ('theme', 'dark');
DELETE FROM orders WHERE total > 20;
