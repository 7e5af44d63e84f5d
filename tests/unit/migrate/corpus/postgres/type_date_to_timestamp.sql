-- expect: lossy, lost down
ALTER TABLE users ALTER COLUMN born TYPE timestamp;
