-- expect: irreversible
-- says: does not understand
-- runs: no
\connect other
CREATE TABLE x (id bigint);
