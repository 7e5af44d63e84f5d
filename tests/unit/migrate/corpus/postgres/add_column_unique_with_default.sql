-- expect: lossy, lost down
ALTER TABLE invitations ADD COLUMN code text DEFAULT 'none' UNIQUE;
