-- expect: lossy, lost up
SELECT setval('invoice_number', 1000);
