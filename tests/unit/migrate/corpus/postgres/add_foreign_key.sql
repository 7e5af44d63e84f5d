-- expect: reversible
ALTER TABLE orders ADD CONSTRAINT total_of_user FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
