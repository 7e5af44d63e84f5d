-- expect: irreversible
-- says: unterminated
-- runs: no
INSERT INTO users (email) VALUES ('a);
