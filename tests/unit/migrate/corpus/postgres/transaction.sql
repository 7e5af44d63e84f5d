-- expect: additive
-- says: begins or ends
-- runs: outside a transaction
BEGIN;
ALTER TABLE users ADD COLUMN phone text;
COMMIT;
