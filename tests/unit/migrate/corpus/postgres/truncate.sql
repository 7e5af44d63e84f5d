-- expect: lossy, lost up
TRUNCATE orders;
