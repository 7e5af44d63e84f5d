-- expect: reversible
ALTER TABLE orders RENAME CONSTRAINT total_positive TO total_check;
