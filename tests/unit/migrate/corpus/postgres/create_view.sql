-- expect: additive
CREATE VIEW adults AS SELECT * FROM users WHERE age >= 18;
CREATE MATERIALIZED VIEW ages AS SELECT age, count(*) FROM users GROUP BY age;
REFRESH MATERIALIZED VIEW totals;
