-- The last cycle there was when an item was resolved: the cycles after it know of that. A clock that
-- jumped would tell otherwise; what was resolved earlier has no more than the time.
ALTER TABLE quarantine ADD COLUMN resolved_cycle_id INTEGER;
UPDATE quarantine SET resolved_cycle_id = (
    SELECT coalesce(max(cycle_id), 0) FROM cycles WHERE started_ms <= resolved_ms
)
WHERE resolved_ms IS NOT NULL;
