-- expect: reversible
ALTER TABLE users ADD CONSTRAINT age_sane CHECK (age < 150) NOT VALID;
