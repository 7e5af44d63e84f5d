-- expect: lossy, lost up
WITH small AS (SELECT id FROM orders WHERE total < 15)
DELETE FROM orders WHERE id IN (SELECT id FROM small);
