-- The model that real accounts need: markets, positions by wallet, side and margin mode, balances,
-- and events of every type. What older rows say, and their hashes, stay as they are.

CREATE TABLE markets (
    symbol     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('spot', 'linear', 'inverse', 'other')),
    base       TEXT NOT NULL,
    quote      TEXT NOT NULL,
    money      TEXT NOT NULL,
    rules      INTEGER NOT NULL,
    commit_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE balances (
    wallet   TEXT NOT NULL,
    asset    TEXT NOT NULL,
    amount   TEXT NOT NULL,
    cycle_id INTEGER NOT NULL,
    PRIMARY KEY (wallet, asset)
) STRICT, WITHOUT ROWID;

-- The balance after each commit that changed it.
CREATE TABLE balance_history (
    wallet     TEXT NOT NULL,
    asset      TEXT NOT NULL,
    commit_seq INTEGER NOT NULL,
    amount     TEXT NOT NULL,
    PRIMARY KEY (wallet, asset, commit_seq)
) STRICT, WITHOUT ROWID;

-- `version` says what the hash of a row covers: 1 what 0.1.0 had, 2 all columns.
CREATE TABLE ledger_events_new (
    seq               INTEGER PRIMARY KEY,
    event_id          TEXT NOT NULL UNIQUE,
    ts                INTEGER NOT NULL,
    symbol            TEXT,
    type              TEXT NOT NULL,
    side              TEXT CHECK (side IN ('buy', 'sell')),
    qty               TEXT,
    price             TEXT,
    fee               TEXT,
    fee_currency      TEXT,
    exchange_trade_id TEXT,
    exchange_order_id TEXT,
    client_order_id   TEXT,
    cycle_id          INTEGER NOT NULL,
    meta_json         TEXT NOT NULL,
    hash              BLOB NOT NULL,
    wallet            TEXT,
    market_id         TEXT,
    position_side     TEXT CHECK (position_side IN ('long', 'short')),
    margin_mode       TEXT CHECK (margin_mode IN ('cash', 'cross', 'isolated')),
    contract_size     TEXT,
    asset             TEXT,
    amount            TEXT,
    group_id          TEXT,
    cause             TEXT,
    source            TEXT,
    source_seq        INTEGER,
    stated_balance    TEXT,
    version           INTEGER NOT NULL DEFAULT 1 CHECK (version IN (1, 2)),
    CHECK (
        (type = 'FILL' AND symbol IS NOT NULL AND side IS NOT NULL AND qty IS NOT NULL
            AND price IS NOT NULL AND exchange_trade_id IS NOT NULL)
        OR (type = 'FEE' AND symbol IS NOT NULL AND fee IS NOT NULL AND fee_currency IS NOT NULL
            AND exchange_trade_id IS NOT NULL)
        OR (type NOT IN ('FILL', 'FEE') AND version = 2)
    )
) STRICT;
INSERT INTO ledger_events_new (
    seq, event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, cycle_id, meta_json, hash
)
SELECT seq, event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, cycle_id, meta_json, hash
FROM ledger_events ORDER BY seq;
DROP TABLE ledger_events;
ALTER TABLE ledger_events_new RENAME TO ledger_events;
CREATE INDEX ledger_events_by_time ON ledger_events (symbol, ts);

-- The columns of a key come first: SQLite 3.40 checks the others of such a table wrongly.
CREATE TABLE stage4_positions_new (
    symbol        TEXT NOT NULL,
    wallet        TEXT NOT NULL,
    side          TEXT NOT NULL CHECK (side IN ('net', 'long', 'short')),
    margin_mode   TEXT NOT NULL CHECK (margin_mode IN ('cash', 'cross', 'isolated')),
    qty           TEXT NOT NULL,
    cost          TEXT NOT NULL,
    realized_pnl  TEXT NOT NULL,
    fees_json     TEXT NOT NULL,
    fees_unknown  INTEGER NOT NULL,
    events        INTEGER NOT NULL,
    last_ts       INTEGER NOT NULL,
    last_trade_id TEXT NOT NULL,
    last_event_id TEXT NOT NULL,
    cycle_id      INTEGER NOT NULL,
    PRIMARY KEY (symbol, wallet, side, margin_mode)
) STRICT, WITHOUT ROWID;
INSERT INTO stage4_positions_new
SELECT symbol, 'main', 'net', iif(instr(symbol, ':'), 'cross', 'cash'), qty, cost, realized_pnl,
    fees_json, 0, events, last_ts, last_trade_id, last_event_id, cycle_id
FROM stage4_positions;
DROP TABLE stage4_positions;
ALTER TABLE stage4_positions_new RENAME TO stage4_positions;

CREATE TABLE position_checkpoints_new (
    symbol        TEXT NOT NULL,
    wallet        TEXT NOT NULL,
    side          TEXT NOT NULL,
    margin_mode   TEXT NOT NULL,
    last_ts       INTEGER NOT NULL,
    last_event_id TEXT NOT NULL,
    last_trade_id TEXT NOT NULL,
    qty           TEXT NOT NULL,
    cost          TEXT NOT NULL,
    realized_pnl  TEXT NOT NULL,
    fees_json     TEXT NOT NULL,
    events        INTEGER NOT NULL,
    PRIMARY KEY (symbol, wallet, side, margin_mode, last_ts, last_event_id)
) STRICT, WITHOUT ROWID;
INSERT INTO position_checkpoints_new
SELECT symbol, 'main', 'net', iif(instr(symbol, ':'), 'cross', 'cash'), last_ts, last_event_id,
    last_trade_id, qty, cost, realized_pnl, fees_json, events
FROM position_checkpoints;
DROP TABLE position_checkpoints;
ALTER TABLE position_checkpoints_new RENAME TO position_checkpoints;

CREATE TABLE position_history_new (
    symbol       TEXT NOT NULL,
    wallet       TEXT NOT NULL,
    side         TEXT NOT NULL,
    margin_mode  TEXT NOT NULL,
    commit_seq   INTEGER NOT NULL,
    qty          TEXT NOT NULL,
    cost         TEXT NOT NULL,
    realized_pnl TEXT NOT NULL,
    fees_json    TEXT NOT NULL,
    fees_unknown INTEGER NOT NULL,
    PRIMARY KEY (symbol, wallet, side, margin_mode, commit_seq)
) STRICT, WITHOUT ROWID;
INSERT INTO position_history_new
SELECT symbol, 'main', 'net', iif(instr(symbol, ':'), 'cross', 'cash'), commit_seq, qty, cost,
    realized_pnl, fees_json, 0
FROM position_history;
DROP TABLE position_history;
ALTER TABLE position_history_new RENAME TO position_history;

-- A commit's version says what its digest and its hash cover.
ALTER TABLE ledger_commits ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ledger_commits ADD COLUMN decision_json TEXT;

-- The version of the edge's rules that a cycle's reports were read by.
ALTER TABLE cycles ADD COLUMN edge INTEGER NOT NULL DEFAULT 1;

-- `booked`: released by a cycle, for the item's fill is in the ledger; `note` says which.
CREATE TABLE quarantine_new (
    id                INTEGER PRIMARY KEY,
    digest            BLOB NOT NULL UNIQUE,
    symbol            TEXT NOT NULL,
    raw               TEXT NOT NULL,
    reason            TEXT NOT NULL,
    cycle_id          INTEGER NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('open', 'dropped', 'replaced', 'booked')),
    replacement       TEXT,
    resolved_ms       INTEGER,
    applied_cycle_id  INTEGER,
    resolved_cycle_id INTEGER,
    note              TEXT
) STRICT;
INSERT INTO quarantine_new (
    id, digest, symbol, raw, reason, cycle_id, status, replacement, resolved_ms, applied_cycle_id,
    resolved_cycle_id
)
SELECT id, digest, symbol, raw, reason, cycle_id, status, replacement, resolved_ms,
    applied_cycle_id, resolved_cycle_id
FROM quarantine ORDER BY id;
DROP TABLE quarantine;
ALTER TABLE quarantine_new RENAME TO quarantine;
CREATE INDEX quarantine_open ON quarantine (symbol) WHERE status = 'open';
CREATE INDEX quarantine_pending ON quarantine (id)
    WHERE status = 'replaced' AND applied_cycle_id IS NULL;
