-- name: create_exchange
CREATE TABLE exchange (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    seed      TEXT NOT NULL,
    trade_ids TEXT NOT NULL,
    clock_ms  INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    orders    INTEGER NOT NULL,
    trades    INTEGER NOT NULL,
    balances  TEXT NOT NULL
) STRICT;

-- name: create_markets
CREATE TABLE markets (
    symbol    TEXT PRIMARY KEY,
    deviation INTEGER NOT NULL,
    trades    INTEGER NOT NULL,
    book      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- name: create_orders
CREATE TABLE orders (
    client_order_id   TEXT NOT NULL UNIQUE,
    exchange_order_id TEXT NOT NULL UNIQUE,
    symbol            TEXT NOT NULL,
    side              TEXT NOT NULL,
    qty               TEXT NOT NULL,
    filled            TEXT NOT NULL,
    price             TEXT NOT NULL,
    status            TEXT NOT NULL,
    ts                INTEGER NOT NULL
) STRICT;

-- name: create_open_orders_index
CREATE INDEX open_orders ON orders (symbol) WHERE status = 'open';

-- name: create_trades
CREATE TABLE trades (
    number          INTEGER PRIMARY KEY,
    market_number   INTEGER NOT NULL,
    symbol          TEXT NOT NULL,
    ts              INTEGER NOT NULL,
    published_ms    INTEGER NOT NULL,
    fee_known_ms    INTEGER NOT NULL,
    order_id        TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    side            TEXT NOT NULL,
    qty             TEXT NOT NULL,
    price           TEXT NOT NULL,
    liquidity       TEXT NOT NULL,
    fee             TEXT NOT NULL,
    fee_currency    TEXT NOT NULL
) STRICT;

-- name: create_trades_index
CREATE INDEX trades_by_time ON trades (symbol, ts);

-- name: tables
SELECT count(*) FROM sqlite_master;

-- name: identity
SELECT seed, trade_ids FROM exchange;

-- name: add_exchange
INSERT INTO exchange (id, seed, trade_ids, clock_ms, requests, orders, trades, balances)
VALUES (1, :seed, :trade_ids, 0, 0, 0, 0, '{}');

-- name: requests
SELECT requests FROM exchange;

-- name: load_exchange
SELECT clock_ms, requests, orders, trades, balances FROM exchange;

-- name: load_markets
SELECT symbol, deviation, trades, book FROM markets;

-- name: save_exchange
UPDATE exchange
SET clock_ms = :clock_ms, requests = :requests, orders = :orders, trades = :trades,
    balances = :balances;

-- name: save_market
INSERT INTO markets (symbol, deviation, trades, book) VALUES (:symbol, :deviation, :trades, :book)
ON CONFLICT (symbol) DO UPDATE
SET deviation = excluded.deviation, trades = excluded.trades, book = excluded.book;

-- name: add_order
INSERT INTO orders
    (client_order_id, exchange_order_id, symbol, side, qty, filled, price, status, ts)
VALUES (:client_order_id, :exchange_order_id, :symbol, :side, :qty, :filled, :price, :status, :ts);

-- name: update_order
UPDATE orders SET filled = :filled, status = :status WHERE exchange_order_id = :exchange_order_id;

-- name: order_by_client_id
SELECT client_order_id, exchange_order_id, symbol, side, qty, filled, price, status, ts
FROM orders WHERE client_order_id = :client_order_id;

-- name: order_by_exchange_id
SELECT client_order_id, exchange_order_id, symbol, side, qty, filled, price, status, ts
FROM orders WHERE exchange_order_id = :exchange_order_id;

-- name: open_orders
SELECT client_order_id, exchange_order_id, symbol, side, qty, filled, price, status, ts
FROM orders WHERE symbol = :symbol AND status = 'open' ORDER BY rowid;

-- name: add_trade
INSERT INTO trades
    (number, market_number, symbol, ts, published_ms, fee_known_ms, order_id, client_order_id,
     side, qty, price, liquidity, fee, fee_currency)
VALUES
    (:number, :market_number, :symbol, :ts_ms, :published_ms, :fee_known_ms, :order_id,
     :client_order_id, :side, :qty, :price, :liquidity, :fee, :fee_currency);

-- name: trade
SELECT * FROM trades WHERE number = :number;

-- name: page_of_trades
SELECT * FROM trades
WHERE symbol = :symbol AND (ts, number) > (:ts, :number) AND published_ms <= :as_of_ms
ORDER BY ts, number LIMIT :limit;
