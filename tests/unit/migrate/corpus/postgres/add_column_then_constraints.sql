-- expect: additive
ALTER TABLE users ADD COLUMN boss bigint;
ALTER TABLE users ADD CONSTRAINT boss_is_user FOREIGN KEY (boss) REFERENCES users (id) ON DELETE SET NULL;
ALTER TABLE users ADD CONSTRAINT boss_positive CHECK (boss > 0);
ALTER TABLE users ADD CONSTRAINT one_boss UNIQUE (boss);
