-- expect: reversible
ALTER TABLE orders RENAME TO purchases;
