-- expect: reversible
INSERT INTO users (email) VALUES ('support@example.com');
