-- expect: lossy, lost up
DROP SEQUENCE invoice_number;
