-- expect: reversible
DROP MATERIALIZED VIEW totals;
