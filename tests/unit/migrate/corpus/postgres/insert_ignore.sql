-- expect: reversible
INSERT INTO users (email) VALUES ('a@example.com') ON CONFLICT DO NOTHING;
