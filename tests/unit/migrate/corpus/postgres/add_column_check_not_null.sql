-- expect: lossy, lost down
ALTER TABLE invitations ADD COLUMN code text CHECK (code IS NOT NULL);
