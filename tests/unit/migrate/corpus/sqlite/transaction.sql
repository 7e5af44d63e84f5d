-- expect: additive
-- says: D1 does by itself
BEGIN TRANSACTION;
ALTER TABLE users ADD COLUMN phone TEXT;
COMMIT;
