-- Deliberately bad, and applied only with a bad migration: whole units lose the cents, and the code before it
-- reads a column that is gone.
ALTER TABLE payments ADD COLUMN amount integer;
UPDATE payments SET amount = cents / 100;
ALTER TABLE payments DROP COLUMN cents;
