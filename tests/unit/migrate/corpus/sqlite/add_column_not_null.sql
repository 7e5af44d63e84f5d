-- expect: lossy, lost down
-- says: no default
ALTER TABLE settings ADD COLUMN owner TEXT NOT NULL;
