-- expect: additive
ALTER TABLE orders ADD COLUMN seller bigint REFERENCES users (id) ON DELETE SET NULL;
