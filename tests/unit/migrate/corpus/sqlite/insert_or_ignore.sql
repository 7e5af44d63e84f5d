-- expect: reversible
INSERT OR IGNORE INTO users (email) VALUES ('a@example.com');
