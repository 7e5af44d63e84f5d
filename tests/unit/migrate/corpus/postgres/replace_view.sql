-- expect: reversible
CREATE OR REPLACE VIEW buyers AS SELECT u.id, u.email, u.name FROM users u;
