-- expect: lossy, lost up
SET search_path = archive;
CREATE TABLE events_old (id bigint);
SET search_path = public;
DROP TABLE events_old;
