-- expect: reversible
CREATE TRIGGER users_checked BEFORE INSERT ON users
BEGIN
  SELECT RAISE(ABORT, 'no; never') WHERE new.email NOT LIKE '%@%';
END;
