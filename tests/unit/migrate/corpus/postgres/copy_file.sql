-- expect: reversible
-- runs: no
COPY users (email) FROM '/var/lib/import/users.csv' CSV;
