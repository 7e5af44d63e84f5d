-- expect: additive
ALTER TABLE orders VALIDATE CONSTRAINT total_positive;
