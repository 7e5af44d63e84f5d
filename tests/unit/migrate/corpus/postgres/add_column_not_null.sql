-- expect: lossy, lost down
-- says: no default
ALTER TABLE invitations ADD COLUMN code text NOT NULL;
