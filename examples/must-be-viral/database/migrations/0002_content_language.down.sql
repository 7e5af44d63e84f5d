ALTER TABLE content DROP COLUMN language;
