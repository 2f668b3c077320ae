-- What this ledger is: its id, the venue it belongs to, how that venue numbers trades.
CREATE TABLE ledger_identity (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_events (
    seq               INTEGER PRIMARY KEY,
    event_id          TEXT NOT NULL UNIQUE,
    ts                INTEGER NOT NULL,
    symbol            TEXT NOT NULL,
    type              TEXT NOT NULL,
    side              TEXT CHECK (side IN ('buy', 'sell')),
    qty               TEXT,
    price             TEXT,
    fee               TEXT,
    fee_currency      TEXT,
    exchange_trade_id TEXT NOT NULL,
    exchange_order_id TEXT,
    client_order_id   TEXT,
    cycle_id          INTEGER NOT NULL,
    meta_json         TEXT NOT NULL,
    hash              BLOB NOT NULL,
    CHECK (
        (type = 'FILL' AND side IS NOT NULL AND qty IS NOT NULL AND price IS NOT NULL)
        OR (type = 'FEE' AND fee IS NOT NULL AND fee_currency IS NOT NULL)
    )
) STRICT;
CREATE INDEX ledger_events_by_time ON ledger_events (symbol, ts);

CREATE TABLE applied_fills (
    fill_id  TEXT PRIMARY KEY,
    cycle_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stage4_positions (
    symbol        TEXT PRIMARY KEY,
    qty           TEXT NOT NULL,
    cost          TEXT NOT NULL,
    realized_pnl  TEXT NOT NULL,
    fees_json     TEXT NOT NULL,
    events        INTEGER NOT NULL,
    last_ts       INTEGER NOT NULL,
    last_trade_id TEXT NOT NULL,
    last_event_id TEXT NOT NULL,
    cycle_id      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- States along the fold, so that a late event refolds from near where it belongs.
CREATE TABLE position_checkpoints (
    symbol        TEXT NOT NULL,
    last_ts       INTEGER NOT NULL,
    last_event_id TEXT NOT NULL,
    last_trade_id TEXT NOT NULL,
    qty           TEXT NOT NULL,
    cost          TEXT NOT NULL,
    realized_pnl  TEXT NOT NULL,
    fees_json     TEXT NOT NULL,
    events        INTEGER NOT NULL,
    PRIMARY KEY (symbol, last_ts, last_event_id)
) STRICT, WITHOUT ROWID;

-- The position after each commit that changed it.
CREATE TABLE position_history (
    symbol       TEXT NOT NULL,
    commit_seq   INTEGER NOT NULL,
    qty          TEXT NOT NULL,
    cost         TEXT NOT NULL,
    realized_pnl TEXT NOT NULL,
    fees_json    TEXT NOT NULL,
    PRIMARY KEY (symbol, commit_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
    key      TEXT PRIMARY KEY,
    value_ms INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    cycle_id INTEGER NOT NULL,
    CHECK (value_ms >= start_ms)
) STRICT, WITHOUT ROWID;

-- One row a TX 1, gap-free; its hash covers the events it inserted and the hash before.
CREATE TABLE ledger_commits (
    commit_seq       INTEGER PRIMARY KEY,
    cycle_id         INTEGER NOT NULL UNIQUE,
    committed_ms     INTEGER NOT NULL,
    lease_epoch      INTEGER NOT NULL,
    attempted        INTEGER NOT NULL,
    inserted         INTEGER NOT NULL,
    ignored          INTEGER NOT NULL,
    conflicting      INTEGER NOT NULL,
    fills_fetched    INTEGER NOT NULL,
    fills_count      INTEGER NOT NULL,
    first_seq        INTEGER,
    last_seq         INTEGER,
    cursors_json     TEXT NOT NULL,
    positions_digest TEXT NOT NULL,
    hash             BLOB NOT NULL,
    CHECK (attempted = inserted + ignored + conflicting)
) STRICT;

-- Same id, other content: the first stays in the ledger, the other is kept here.
CREATE TABLE conflicts (
    id            INTEGER PRIMARY KEY,
    event_id      TEXT NOT NULL,
    cycle_id      INTEGER NOT NULL,
    fields_json   TEXT NOT NULL,
    reported_json TEXT NOT NULL,
    reported_hash BLOB NOT NULL,
    UNIQUE (event_id, reported_hash)
) STRICT;

CREATE TABLE cycles (
    cycle_id      INTEGER PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('live', 'reconcile', 'replay')),
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
    warnings_json TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE INDEX cycles_running ON cycles (cycle_id) WHERE status = 'running';
CREATE INDEX cycles_reconciling ON cycles (started_ms) WHERE kind = 'reconcile';

-- What the venue said, as received: each item once a day, however often it was repeated,
-- numbered within its market.
CREATE TABLE input_items (
    symbol TEXT NOT NULL,
    number INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    digest TEXT NOT NULL,
    raw    TEXT NOT NULL,
    PRIMARY KEY (symbol, number),
    UNIQUE (symbol, day, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX input_items_by_day ON input_items (day);

-- What the venue said to one request. `pages_json` is a list of pages, each a list of runs
-- [first, last] of the market's item numbers, in the order they were received.
CREATE TABLE cycle_inputs (
    cycle_id   INTEGER NOT NULL,
    symbol     TEXT NOT NULL,
    day        INTEGER NOT NULL,
    since_ms   INTEGER NOT NULL,
    start_ms   INTEGER NOT NULL,
    latest_ms  INTEGER NOT NULL,
    complete   INTEGER NOT NULL,
    items      INTEGER NOT NULL,
    error      TEXT,
    pages_json TEXT NOT NULL,
    PRIMARY KEY (cycle_id, symbol)
) STRICT;

CREATE TABLE quarantine (
    id               INTEGER PRIMARY KEY,
    digest           BLOB NOT NULL UNIQUE,
    symbol           TEXT NOT NULL,
    raw              TEXT NOT NULL,
    reason           TEXT NOT NULL,
    cycle_id         INTEGER NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('open', 'dropped', 'replaced')),
    replacement      TEXT,
    resolved_ms      INTEGER,
    applied_cycle_id INTEGER
) STRICT;
CREATE INDEX quarantine_open ON quarantine (symbol) WHERE status = 'open';
CREATE INDEX quarantine_pending ON quarantine (id)
    WHERE status = 'replaced' AND applied_cycle_id IS NULL;

CREATE TABLE orders (
    client_order_id   TEXT PRIMARY KEY,
    cycle_id          INTEGER NOT NULL,
    symbol            TEXT NOT NULL,
    side              TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    qty               TEXT NOT NULL,
    price             TEXT NOT NULL,
    decision_price    TEXT,
    status            TEXT NOT NULL CHECK (
        status IN ('intended', 'refused', 'unknown', 'rejected', 'absent', 'open', 'filled', 'canceled')
    ),
    reason            TEXT,
    submit_outcome    TEXT CHECK (submit_outcome IN ('accepted', 'rejected', 'unknown')),
    submitted_ms      INTEGER,
    exchange_order_id TEXT,
    canceled_cycle_id INTEGER,
    updated_ms        INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_by_cycle ON orders (cycle_id);
CREATE INDEX orders_canceled_by_cycle ON orders (canceled_cycle_id)
    WHERE canceled_cycle_id IS NOT NULL;
CREATE INDEX orders_by_exchange_id ON orders (exchange_order_id)
    WHERE exchange_order_id IS NOT NULL;
CREATE INDEX orders_live ON orders (status, symbol)
    WHERE status IN ('intended', 'unknown', 'open');

CREATE TABLE cycle_metrics (
    cycle_id          INTEGER PRIMARY KEY,
    ts_start          INTEGER NOT NULL,
    ts_end            INTEGER NOT NULL,
    mode              TEXT NOT NULL,
    fills_count       INTEGER NOT NULL,
    orders_submitted  INTEGER NOT NULL,
    orders_canceled   INTEGER NOT NULL,
    rejects_count     INTEGER NOT NULL,
    fill_rate         REAL NOT NULL,
    avg_time_to_fill  REAL,
    slippage_bps_avg  REAL,
    fees_json         TEXT NOT NULL,
    pnl_json          TEXT NOT NULL,
    meta_json         TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    id          INTEGER PRIMARY KEY,
    ts          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    detail_json TEXT NOT NULL,
    outcome     TEXT NOT NULL
) STRICT;

CREATE TABLE lease (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    epoch        INTEGER NOT NULL,
    holder       TEXT,
    pid          INTEGER,
    host         TEXT,
    acquired_ms  INTEGER,
    heartbeat_ms INTEGER,
    beats        INTEGER NOT NULL
) STRICT;
INSERT INTO lease (id, epoch, beats) VALUES (1, 0, 0);
