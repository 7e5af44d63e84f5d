-- expect: lossy, lost up
ALTER SEQUENCE invoice_number RESTART WITH 1;
