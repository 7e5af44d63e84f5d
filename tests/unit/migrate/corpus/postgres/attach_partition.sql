-- expect: reversible
ALTER TABLE events ATTACH PARTITION events_old FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
