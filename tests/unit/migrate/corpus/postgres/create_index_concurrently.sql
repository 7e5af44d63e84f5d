-- expect: additive
-- says: outside any transaction
-- runs: outside a transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name);
