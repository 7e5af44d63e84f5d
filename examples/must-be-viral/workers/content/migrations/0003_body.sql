-- Deliberately bad, and applied only by `deploy.py --bad-migration`: it keeps 80 characters of every text and
-- takes away the column that the releases before it read and write.
ALTER TABLE items ADD COLUMN body TEXT NOT NULL DEFAULT '';
UPDATE items SET body = substr(text, 1, 80);
ALTER TABLE items DROP COLUMN text;
