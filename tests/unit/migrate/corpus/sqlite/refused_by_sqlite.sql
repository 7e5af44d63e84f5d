-- expect: irreversible
-- says: cannot drop UNIQUE column
-- runs: no
ALTER TABLE users DROP COLUMN email;
