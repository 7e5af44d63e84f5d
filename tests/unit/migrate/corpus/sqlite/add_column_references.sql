-- expect: additive
ALTER TABLE orders ADD COLUMN seller INTEGER REFERENCES users (id) ON DELETE SET NULL;
