-- expect: reversible
DROP VIEW buyers;
