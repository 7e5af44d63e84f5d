-- expect: reversible
ALTER DOMAIN postcode ADD CONSTRAINT five CHECK (length(VALUE) = 5);
