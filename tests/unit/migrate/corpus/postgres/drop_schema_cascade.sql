-- expect: lossy, lost up
DROP SCHEMA archive CASCADE;
