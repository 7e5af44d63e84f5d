-- expect: lossy, lost up
SET search_path = archive;
CREATE TABLE orders (id bigint);
SET search_path = public;
DROP TABLE orders;
