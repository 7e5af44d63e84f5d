-- expect: irreversible
-- runs: no
CALL archive_orders();
