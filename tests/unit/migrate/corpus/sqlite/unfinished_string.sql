-- expect: irreversible
-- says: unrecognized token
-- runs: no
INSERT INTO users (email) VALUES ('a);
