-- expect: reversible
CREATE TYPE mood2 AS ENUM ('sad', 'ok', 'glad');
ALTER TABLE users ALTER COLUMN feeling TYPE mood2 USING feeling::text::mood2;
