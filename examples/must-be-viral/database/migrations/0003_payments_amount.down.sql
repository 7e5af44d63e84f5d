ALTER TABLE payments ADD COLUMN cents integer CHECK (cents > 0);
UPDATE payments SET cents = amount * 100;
ALTER TABLE payments DROP COLUMN amount;
