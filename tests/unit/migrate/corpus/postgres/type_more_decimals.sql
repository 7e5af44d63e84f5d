-- expect: lossy, lost down
ALTER TABLE users ALTER COLUMN balance TYPE numeric(14, 4);
