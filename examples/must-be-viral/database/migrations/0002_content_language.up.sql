-- Additive: code that does not know of languages goes on reading and writing content.
ALTER TABLE content ADD COLUMN language text NOT NULL DEFAULT 'en';
