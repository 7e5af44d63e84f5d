-- expect: irreversible
-- runs: no
COPY users (email) FROM stdin;
x@example.com
\.
