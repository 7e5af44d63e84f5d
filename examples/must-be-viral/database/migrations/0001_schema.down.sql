DROP TABLE audit_log;
DROP TABLE payments;
DROP TABLE content;
DROP TABLE users;
