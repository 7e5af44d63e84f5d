-- expect: reversible
DROP DOMAIN postcode;
