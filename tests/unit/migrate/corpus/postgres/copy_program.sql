-- expect: irreversible
-- says: program
-- runs: no
COPY users (email) FROM PROGRAM 'cat users.csv';
