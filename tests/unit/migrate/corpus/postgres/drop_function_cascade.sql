-- expect: lossy, lost up
DROP FUNCTION touch() CASCADE;
