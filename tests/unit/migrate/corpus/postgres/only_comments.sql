-- expect: additive
-- nothing to do here; really
/* DROP TABLE users; /* nested */ */
