-- expect: lossy, lost up
INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light');
