-- expect: reversible
ALTER TABLE users ADD CONSTRAINT one_name UNIQUE (name);
