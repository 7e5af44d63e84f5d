-- expect: reversible
ALTER SEQUENCE invoice_number INCREMENT BY 10;
