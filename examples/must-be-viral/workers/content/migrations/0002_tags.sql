-- Additive: code that does not know of tags goes on reading and writing items.
ALTER TABLE items ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
