-- expect: irreversible
-- says: calls pg_notify
SELECT pg_notify('migrations', 'done');
