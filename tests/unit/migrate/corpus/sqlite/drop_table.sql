-- expect: lossy, lost up
-- says: all rows of settings
DROP TABLE settings;
