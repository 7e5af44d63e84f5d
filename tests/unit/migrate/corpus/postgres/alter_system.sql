-- expect: irreversible
-- runs: no
ALTER SYSTEM SET work_mem = '64MB';
