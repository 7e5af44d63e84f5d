-- expect: lossy, lost up
INSERT INTO settings (key, value) VALUES ('theme', 'light')
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
