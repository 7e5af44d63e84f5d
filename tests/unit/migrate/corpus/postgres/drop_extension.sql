-- expect: lossy, lost up
DROP EXTENSION IF EXISTS pg_cron;
