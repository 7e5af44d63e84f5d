-- expect: lossy, lost up
ALTER TABLE orders SET UNLOGGED;
