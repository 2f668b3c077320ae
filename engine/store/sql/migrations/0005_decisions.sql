-- Contents that do not agree, and what the operator decides about them.

-- Same id, other content: one row a content, whole: `reported_json` lists its events. A row of
-- 0.1.0 has one event alone. `booked_as` is the trade id that a decision booked it under,
-- `decided_seq` the commit of the decision that its status is by.
CREATE TABLE conflicts_new (
    id            INTEGER PRIMARY KEY,
    event_id      TEXT NOT NULL,
    cycle_id      INTEGER NOT NULL,
    fields_json   TEXT NOT NULL,
    reported_json TEXT NOT NULL,
    reported_hash BLOB NOT NULL,
    source_id     TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    ts            INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('correction', 'clash', 'relabelled')),
    status        TEXT NOT NULL CHECK (
        status IN ('open', 'refused', 'replaced', 'booked', 'superseded')
    ),
    booked_as     TEXT,
    decided_seq   INTEGER,
    UNIQUE (event_id, reported_hash)
) STRICT;
INSERT INTO conflicts_new (
    id, event_id, cycle_id, fields_json, reported_json, reported_hash, source_id, symbol, ts, kind,
    status
)
SELECT id, event_id, cycle_id, fields_json, reported_json, reported_hash,
    iif(
        reported_json ->> 'type' = 'FEE',
        substr(reported_json ->> 'exchange_trade_id', 5),
        reported_json ->> 'exchange_trade_id'
    ),
    reported_json ->> 'symbol', reported_json ->> 'ts', 'correction', 'open'
FROM conflicts ORDER BY id;
DROP TABLE conflicts;
ALTER TABLE conflicts_new RENAME TO conflicts;
CREATE INDEX conflicts_of_id ON conflicts (source_id);
CREATE INDEX conflicts_open ON conflicts (symbol) WHERE status = 'open';
CREATE INDEX conflicts_clashing ON conflicts (source_id) WHERE kind = 'clash';

CREATE INDEX ledger_events_decided ON ledger_events (exchange_trade_id)
    WHERE type IN ('VOID', 'UNVOID');

CREATE INDEX ledger_commits_decided ON ledger_commits (commit_seq) WHERE decision_json IS NOT NULL;

-- A market under another name folds into the one it is an alias of. `contract_size` is that of
-- events that have none of their own: the operator named it when the market was booked anew.
ALTER TABLE markets ADD COLUMN alias_of TEXT;
ALTER TABLE markets ADD COLUMN contract_size TEXT;

-- Markets that the operator said are two, though trades of both look alike.
CREATE TABLE distinct_markets (
    symbol     TEXT NOT NULL,
    other      TEXT NOT NULL,
    commit_seq INTEGER NOT NULL,
    PRIMARY KEY (symbol, other)
) STRICT, WITHOUT ROWID;

-- A decision is a cycle too, which fetches nothing and sends nothing.
CREATE TABLE cycles_new (
    cycle_id      INTEGER PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('live', 'reconcile', 'replay', 'decision')),
    status        TEXT NOT NULL,
    replay_of     INTEGER,
    verdict       TEXT,
    mode          TEXT NOT NULL,
    started_ms    INTEGER NOT NULL,
    venue_ms      INTEGER NOT NULL,
    ended_ms      INTEGER,
    marks_json    TEXT NOT NULL,
    timings_json  TEXT NOT NULL,
    fills_fetched INTEGER NOT NULL DEFAULT 0,
    fills_count   INTEGER NOT NULL DEFAULT 0,
    errors_json   TEXT NOT NULL DEFAULT '[]',
    warnings_json TEXT NOT NULL DEFAULT '[]',
    edge          INTEGER NOT NULL DEFAULT 1
) STRICT;
INSERT INTO cycles_new SELECT * FROM cycles;
DROP TABLE cycles;
ALTER TABLE cycles_new RENAME TO cycles;
CREATE INDEX cycles_running ON cycles (cycle_id) WHERE status = 'running';
CREATE INDEX cycles_reconciling ON cycles (started_ms) WHERE kind = 'reconcile';
CREATE INDEX cycles_replays ON cycles (replay_of) WHERE replay_of IS NOT NULL;
