-- expect: additive
CREATE FUNCTION words() RETURNS text LANGUAGE sql AS $body$ SELECT 'DROP TABLE users; -- no' $body$;
