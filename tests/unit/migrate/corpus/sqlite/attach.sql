-- expect: irreversible
-- says: another database
-- runs: no
ATTACH DATABASE 'other.db' AS other;
