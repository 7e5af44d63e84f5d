-- expect: additive
COMMENT ON COLUMN users.age IS 'in years';
