-- expect: reversible
-- says: archive
-- runs: no
DROP SCHEMA archive RESTRICT;
