-- expect: reversible
ALTER TABLE orders SET SCHEMA archive;
