-- expect: reversible
CREATE TABLE vip_users (discount integer) INHERITS (users);
