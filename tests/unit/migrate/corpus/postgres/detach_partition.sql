-- expect: reversible
ALTER TABLE events DETACH PARTITION events_2026;
