-- What account events bring: a position's funding, and by asset what of its figures moved no balance.
ALTER TABLE stage4_positions ADD COLUMN funding TEXT NOT NULL DEFAULT '0';
ALTER TABLE stage4_positions ADD COLUMN opened_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE stage4_positions ADD COLUMN replaced_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE position_checkpoints ADD COLUMN funding TEXT NOT NULL DEFAULT '0';
ALTER TABLE position_checkpoints ADD COLUMN opened_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE position_checkpoints ADD COLUMN replaced_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE position_history ADD COLUMN funding TEXT NOT NULL DEFAULT '0';
ALTER TABLE position_history ADD COLUMN opened_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE position_history ADD COLUMN replaced_json TEXT NOT NULL DEFAULT '{}';

CREATE INDEX ledger_events_by_type ON ledger_events (type, ts) WHERE type NOT IN ('FILL', 'FEE');
CREATE INDEX ledger_events_by_asset ON ledger_events (asset, ts) WHERE asset IS NOT NULL;
CREATE INDEX ledger_events_booked ON ledger_events (exchange_trade_id) WHERE type = 'BOOKED';

-- What the books had where an ASSERT event sorts, and whether that is what it says.
CREATE TABLE assertions (
    event_id TEXT PRIMARY KEY,
    actual   TEXT NOT NULL,
    holds    INTEGER NOT NULL CHECK (holds IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX assertions_not_held ON assertions (event_id) WHERE holds = 0;

-- By OPENING and market (or asset, of an event without one), the first event booked later that sorts
-- before the OPENING and moves what it opened: both count.
CREATE TABLE late_events (
    opening_id TEXT NOT NULL,
    scope      TEXT NOT NULL,
    event_id   TEXT NOT NULL,
    PRIMARY KEY (opening_id, scope)
) STRICT, WITHOUT ROWID;
