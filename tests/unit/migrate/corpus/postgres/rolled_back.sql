-- expect: lossy, lost up
-- says: all rows
-- runs: outside a transaction
BEGIN;
CREATE TABLE archive_orders (id bigint);
ROLLBACK;
DROP TABLE IF EXISTS archive_orders;
