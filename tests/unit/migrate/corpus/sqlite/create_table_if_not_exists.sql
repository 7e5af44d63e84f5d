-- expect: additive
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY);
