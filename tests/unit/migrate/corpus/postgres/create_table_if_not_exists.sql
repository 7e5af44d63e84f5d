-- expect: additive
CREATE TABLE IF NOT EXISTS invoices (id bigint);
