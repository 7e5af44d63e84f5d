-- expect: irreversible
-- says: syntax error
-- runs: no
CREATE TABLE a (id INTEGER);
CREAT TABLE b (id INTEGER);
