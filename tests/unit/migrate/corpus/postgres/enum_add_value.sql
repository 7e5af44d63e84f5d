-- expect: additive
-- says: cannot take a value out
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad' AFTER 'ok';
