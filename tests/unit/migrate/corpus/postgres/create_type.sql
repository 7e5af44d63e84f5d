-- expect: additive
CREATE TYPE colour AS ENUM ('red');
ALTER TYPE colour ADD VALUE 'blue';
CREATE TYPE point2 AS (x integer, y integer);
CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
