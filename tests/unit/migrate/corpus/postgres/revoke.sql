-- expect: reversible
REVOKE ALL ON orders FROM PUBLIC;
