-- A cycle that changed nothing leaves no commit: its own row says what TX 1 made of it, and, once
-- that has been kept long enough, a row of `idle_runs` that there was nothing more to say.

-- `committed`: null while it runs. Of a cycle with nothing to commit, `cursors_json` is null where
-- the last commit's cursors are its own.
ALTER TABLE cycles ADD COLUMN committed TEXT CHECK (committed IN ('yes', 'nothing', 'no'));
ALTER TABLE cycles ADD COLUMN attempted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cycles ADD COLUMN inserted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cycles ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cycles ADD COLUMN conflicting INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cycles ADD COLUMN cursors_json TEXT;
UPDATE cycles SET committed = 'no' WHERE status <> 'running';
UPDATE cycles
SET committed = 'yes', attempted = k.attempted, inserted = k.inserted, ignored = k.ignored,
    conflicting = k.conflicting
FROM ledger_commits AS k
WHERE k.cycle_id = cycles.cycle_id AND status <> 'running';

-- Cycles in a row that changed nothing, from `first` to `last`, and are no longer kept.
-- `fills_ignored`: how many fills the venue reported in them, each of them again.
CREATE TABLE idle_runs (
    first         INTEGER PRIMARY KEY,
    last          INTEGER NOT NULL UNIQUE,
    count         INTEGER NOT NULL,
    first_ms      INTEGER NOT NULL,
    last_ms       INTEGER NOT NULL,
    fills_ignored INTEGER NOT NULL,
    CHECK (count = last - first + 1 AND count > 0 AND fills_ignored >= 0)
) STRICT;

-- The last cycle that was looked at: what was left up to it stays.
CREATE TABLE idle_sweep (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    through INTEGER NOT NULL
) STRICT;
INSERT INTO idle_sweep (id, through) VALUES (1, 0);

-- What names a cycle, by cycle.
CREATE INDEX quarantine_by_cycle ON quarantine (cycle_id);
CREATE INDEX quarantine_by_resolving ON quarantine (resolved_cycle_id)
    WHERE resolved_cycle_id IS NOT NULL;
CREATE INDEX quarantine_by_applying ON quarantine (applied_cycle_id)
    WHERE applied_cycle_id IS NOT NULL;
CREATE INDEX conflicts_by_cycle ON conflicts (cycle_id);
ALTER TABLE audit ADD COLUMN cycle_id INTEGER;
UPDATE audit SET cycle_id = json_extract(detail_json, '$.cycle_id')
WHERE iif(json_valid(detail_json), json_type(detail_json, '$.cycle_id') = 'integer', 0);
CREATE INDEX audit_by_cycle ON audit (cycle_id) WHERE cycle_id IS NOT NULL;
