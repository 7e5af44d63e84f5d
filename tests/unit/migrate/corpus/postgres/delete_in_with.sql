-- expect: lossy, lost up
-- says: rows of orders
WITH gone AS (DELETE FROM orders RETURNING id)
INSERT INTO events (id, at) SELECT id, '2026-01-01' FROM gone;
