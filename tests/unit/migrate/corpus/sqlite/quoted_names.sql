-- expect: lossy, lost up
-- says: users.age
CREATE TABLE "order ""lines"" [x]" (id INTEGER);
ALTER TABLE [users] DROP COLUMN `age`;
