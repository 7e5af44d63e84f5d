-- expect: additive
-- says: extension
-- runs: no
CREATE EXTENSION IF NOT EXISTS pgcrypto;
