-- expect: lossy, lost up
INSERT INTO users (email, name) VALUES ('a@example.com', 'A')
ON CONFLICT (email) DO UPDATE SET name = excluded.name;
