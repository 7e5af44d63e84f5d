-- expect: additive
CREATE SEQUENCE ticket_number;
ALTER SEQUENCE ticket_number RESTART WITH 1000;
