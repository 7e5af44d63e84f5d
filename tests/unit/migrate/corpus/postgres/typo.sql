-- expect: irreversible
-- says: does not understand
-- runs: no
CREATE TABLE a (id bigint);
CREAT TABLE b (id bigint);
CREATE TABLE c (id bigint);
