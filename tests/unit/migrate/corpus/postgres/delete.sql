-- expect: lossy, lost up
DELETE FROM orders WHERE total < 15;
