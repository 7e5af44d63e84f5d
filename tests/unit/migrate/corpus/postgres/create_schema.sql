-- expect: additive
CREATE SCHEMA reports;
CREATE TABLE reports.daily (day date PRIMARY KEY);
DROP TABLE reports.daily;
