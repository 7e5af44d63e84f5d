-- expect: lossy, lost up
REPLACE INTO settings (key, value) VALUES ('theme', 'light');
