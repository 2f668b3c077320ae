-- The statements on a ledger, by name; not its migrations, nor what begins and ends a transaction.
-- CROSS JOIN fixes the order: the few ids wanted first.

-- ## lease

-- name: lease_read
SELECT epoch, holder, pid, host, acquired_ms, heartbeat_ms, beats FROM lease WHERE id = 1;

-- name: lease_epoch
SELECT epoch FROM lease WHERE id = 1;

-- name: lease_take
UPDATE lease
SET epoch = epoch + 1, holder = :holder, pid = :pid, host = :host,
    acquired_ms = :now_ms, heartbeat_ms = :now_ms
WHERE id = 1 AND epoch = :epoch
RETURNING epoch;

-- name: lease_beat
UPDATE lease SET heartbeat_ms = :now_ms
WHERE id = 1 AND epoch = :epoch
RETURNING epoch;

-- name: lease_release
UPDATE lease SET holder = NULL, pid = NULL, host = NULL, heartbeat_ms = NULL
WHERE id = 1 AND epoch = :epoch;

-- name: lease_count
-- Of every transaction that changes something: it tells whether a log is the file's.
UPDATE lease SET beats = beats + 1 WHERE id = 1;

-- ## a file beside its log

-- name: checkpoint
PRAGMA wal_checkpoint(PASSIVE);

-- name: file_pages
SELECT page_size, page_count FROM pragma_page_size, pragma_page_count;

-- name: file_lease_page
SELECT rootpage FROM sqlite_master WHERE name = 'lease';

-- name: file_lease
SELECT beats, holder FROM lease;

-- name: file_first_damage
PRAGMA integrity_check(1);

-- ## schema

-- name: tables_all
SELECT name FROM sqlite_master
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name;

-- name: schema_exists
SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations';

-- name: schema_version
SELECT max(version) FROM schema_migrations;

-- ## the copy before a migration: what every schema there was has

-- name: copy_state
SELECT
    (SELECT value FROM ledger_identity WHERE key = 'ledger_id'),
    (SELECT hash FROM ledger_commits ORDER BY commit_seq DESC LIMIT 1),
    (SELECT max(cycle_id) FROM cycles),
    (SELECT max(id) FROM audit);

-- name: copy_bytes
SELECT page_count * page_size FROM pragma_page_count, pragma_page_size;

-- name: copy_without_journal
PRAGMA journal_mode = OFF;

-- ## identity

-- name: identity_read
SELECT key, value FROM ledger_identity;

-- name: identity_keep
INSERT INTO ledger_identity (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING;

-- ## TX 1: ledger

-- OR FAIL, for both statements: whatever breaks a rule other than the id being there raises, and the
-- whole transaction is rolled back. So SQLite need not journal the statement for itself, which is
-- a sixth of its time.

-- name: claim_fills
INSERT OR FAIL INTO applied_fills (fill_id, cycle_id)
SELECT value, :cycle_id FROM json_each(:fill_ids) WHERE true
ON CONFLICT (fill_id) DO NOTHING
RETURNING fill_id;

-- name: append_events
INSERT OR FAIL INTO ledger_events (
    event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash, cycle_id
) VALUES (:event_id, :ts, :symbol, :type, :side, :qty, :price, :fee, :fee_currency, :exchange_trade_id, :exchange_order_id, :client_order_id, :meta_json, :hash, :cycle_id)
ON CONFLICT (event_id) DO NOTHING;

-- name: append_detailed_events
INSERT OR FAIL INTO ledger_events (
    event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version, cycle_id
) VALUES (:event_id, :ts, :symbol, :type, :side, :qty, :price, :fee, :fee_currency, :exchange_trade_id, :exchange_order_id, :client_order_id, :meta_json, :hash, :wallet, :market_id, :position_side, :margin_mode, :contract_size, :asset, :amount, :group_id, :cause, :source, :source_seq, :stated_balance, :version, :cycle_id)
ON CONFLICT (event_id) DO NOTHING;

-- name: appended_by
SELECT e.event_id, e.hash
FROM json_each(:event_ids) AS wanted CROSS JOIN ledger_events AS e ON e.event_id = wanted.value
WHERE e.cycle_id = :cycle_id;

-- name: stored_hashes
SELECT e.event_id, e.hash
FROM json_each(:event_ids) AS wanted CROSS JOIN ledger_events AS e ON e.event_id = wanted.value;

-- name: fill_markets
-- By trade id, of the fills that earlier cycles booked.
SELECT e.exchange_trade_id, e.symbol
FROM json_each(:trade_ids) AS wanted CROSS JOIN ledger_events AS e ON e.event_id = 'fill:' || wanted.value
WHERE e.cycle_id < :before;

-- name: fill_outlines
SELECT e.exchange_trade_id, e.symbol, e.side, e.qty, e.price, e.ts, e.exchange_order_id,
    e.position_side
FROM json_each(:trade_ids) AS wanted CROSS JOIN ledger_events AS e ON e.event_id = 'fill:' || wanted.value;

-- name: fills_not_booked
-- The places of those of these trade ids (or null, for none) that no fill in the market has, and that
-- no decision was asked for about.
SELECT wanted.key FROM json_each(:trade_ids) AS wanted WHERE NOT EXISTS (
    SELECT 1 FROM ledger_events AS e
    WHERE e.event_id = 'fill:' || wanted.value AND e.symbol = :symbol
) AND NOT EXISTS (
    SELECT 1 FROM conflicts AS c WHERE c.source_id = wanted.value AND c.symbol = :symbol
);

-- name: fills_at_times
SELECT ts, count(*) FROM ledger_events
WHERE symbol = :symbol AND type = 'FILL' AND ts BETWEEN :first_ms AND :last_ms GROUP BY ts;

-- name: stored_event
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events WHERE event_id = :event_id;

-- name: stored_fees
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events
WHERE event_id = :fee_id OR (event_id >= :fee_id || ':' AND event_id < :fee_id || ';')
ORDER BY event_id;

-- name: dispute_keep
INSERT INTO conflicts (
    event_id, cycle_id, fields_json, reported_json, reported_hash, source_id, symbol, ts, kind, status
) VALUES (
    :event_id, :cycle_id, :fields_json, :reported_json, :reported_hash, :source_id, :symbol, :ts,
    :kind, 'open'
)
ON CONFLICT (event_id, reported_hash) DO NOTHING;

-- name: dispute_supersede
-- What 0.1.0 kept of single events of a content, once all of it is kept.
UPDATE conflicts SET status = 'superseded'
WHERE source_id = :source_id AND status = 'open' AND reported_json LIKE '{%'
    AND hex(reported_hash) IN (SELECT value FROM json_each(:hashes));

-- name: disputes_all
SELECT id, source_id, symbol, ts, kind, status, cycle_id, fields_json, reported_json, booked_as,
    decided_seq
FROM conflicts ORDER BY id;

-- name: disputes_of
SELECT id, source_id, symbol, ts, kind, status, cycle_id, fields_json, reported_json, booked_as,
    decided_seq
FROM conflicts WHERE source_id = :source_id ORDER BY id;

-- name: dispute_read
SELECT id, source_id, symbol, ts, kind, status, cycle_id, fields_json, reported_json, booked_as,
    decided_seq
FROM conflicts WHERE id = :id;

-- name: dispute_decide
UPDATE conflicts SET status = :status, booked_as = :booked_as, decided_seq = :decided_seq
WHERE id = :id;

-- name: disputes_open
-- By market: that of the contents, and that of the fills that the ledger has under their ids.
SELECT coalesce(m.alias_of, c.symbol), coalesce(o.alias_of, e.symbol), c.kind, count(*), min(c.id),
    c.fields_json
FROM conflicts AS c
LEFT JOIN ledger_events AS e ON e.event_id = 'fill:' || c.source_id
LEFT JOIN markets AS m ON m.symbol = c.symbol
LEFT JOIN markets AS o ON o.symbol = e.symbol
WHERE c.status = 'open' GROUP BY c.symbol, e.symbol, c.kind ORDER BY min(c.id);

-- name: clash_exists
SELECT EXISTS (SELECT 1 FROM conflicts WHERE kind = 'clash');

-- name: clashing_ids
SELECT DISTINCT c.source_id
FROM json_each(:trade_ids) AS wanted
CROSS JOIN conflicts AS c ON c.kind = 'clash' AND c.source_id = wanted.value;

-- name: clash_limits
-- Where the open clashes of each market begin.
SELECT symbol, min(ts) FROM conflicts WHERE status = 'open' AND kind = 'clash' GROUP BY symbol;

-- name: relabelled_open
SELECT fields_json FROM conflicts WHERE status = 'open' AND kind = 'relabelled';

-- name: twins_at_times
-- Fills of other markets at the times of some, under the same ids within their market. A market
-- without an event from the first of the times to the last is passed over.
SELECT substr(e.exchange_trade_id, length(m.prefix) + 1) AS bare,
    e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version
FROM (
    SELECT symbol, coalesce(iif(id_form = 'none', NULL, market_id), symbol) || ':' AS prefix
    FROM markets WHERE symbol <> :symbol
) AS m
CROSS JOIN ledger_events AS e ON e.symbol = m.symbol
    AND e.ts IN (SELECT value FROM json_each(:times))
WHERE EXISTS (
        SELECT 1 FROM ledger_events AS f
        WHERE f.symbol = m.symbol AND f.ts BETWEEN :first_ms AND :last_ms
    )
    AND e.type = 'FILL' AND substr(e.exchange_trade_id, 1, length(m.prefix)) = m.prefix
    AND bare IN (SELECT value FROM json_each(:ids));

-- name: twins_by_name
-- Fills of some markets under the ids of others, which are qualified by their market.
SELECT wanted.value, e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version
FROM json_each(:ids) AS wanted
CROSS JOIN markets AS m
CROSS JOIN ledger_events AS e ON e.event_id = 'fill:' || coalesce(iif(m.id_form = 'none', NULL, m.market_id), m.symbol) || ':' || wanted.value
WHERE m.symbol IN (SELECT value FROM json_each(:names));

-- name: unclaim
DELETE FROM applied_fills
WHERE cycle_id = :cycle_id AND fill_id IN (SELECT value FROM json_each(:fill_ids));

-- name: decided_fills
-- Fills that a decision booked under an id: their number is in between.
SELECT exchange_trade_id FROM ledger_events
WHERE event_id >= 'fill:decision:' AND event_id < 'fill:decision;'
    AND exchange_trade_id LIKE 'decision:%'
    AND substr(exchange_trade_id, -length(:trade_id)) = :trade_id;

-- name: booked_twins
-- Fills of a market that another one has too, under the same id within it, with the same content.
SELECT e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version
FROM ledger_events AS e
JOIN ledger_events AS o
    ON o.event_id = 'fill:' || :of_other || ':' || substr(e.exchange_trade_id, length(:qualifier) + 2)
WHERE e.symbol = :symbol AND e.type = 'FILL'
    AND substr(e.exchange_trade_id, 1, length(:qualifier) + 1) = :qualifier || ':'
    AND o.ts = e.ts AND o.side = e.side AND o.qty = e.qty AND o.price = e.price
ORDER BY e.seq;

-- name: twins_booked
-- Ids within their markets, of which two have a fill with the same content.
SELECT substr(exchange_trade_id, length(symbol) + 2) AS source_id
FROM ledger_events
WHERE type = 'FILL' AND substr(exchange_trade_id, 1, length(symbol) + 1) = symbol || ':'
GROUP BY source_id, ts, side, qty, price HAVING count(*) > 1
ORDER BY min(seq);

-- name: fills_within_markets
SELECT e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version
FROM markets AS m
CROSS JOIN ledger_events AS e ON e.event_id = 'fill:' || m.symbol || ':' || :source_id;

-- name: fills_without_size
SELECT EXISTS (
    SELECT 1 FROM ledger_events
    WHERE symbol = :symbol AND type = 'FILL' AND contract_size IS NULL
);

-- name: sided_events
SELECT EXISTS (
    SELECT 1 FROM ledger_events
    WHERE symbol = :symbol AND type = 'FILL' AND position_side IS NOT NULL
);

-- name: evidence_of
SELECT raw FROM input_items WHERE symbol = :symbol;

-- name: decision_of_commit
SELECT decision_json FROM ledger_commits WHERE commit_seq = :commit_seq;

-- name: period_closed
-- Until when all is closed, by which commit, and the last event there was then.
SELECT k.decision_json ->> '$.closed_ms[1]', k.commit_seq, coalesce((
    SELECT last_seq FROM ledger_commits WHERE commit_seq <= k.commit_seq AND last_seq IS NOT NULL
    ORDER BY commit_seq DESC LIMIT 1
), 0)
FROM ledger_commits AS k
WHERE k.decision_json IS NOT NULL AND json_type(k.decision_json, '$.closed_ms') IS NOT NULL
ORDER BY k.commit_seq DESC LIMIT 1;

-- name: prior_period_count
SELECT count(*) FROM ledger_events WHERE seq > :after_seq AND ts < :until_ms;

-- name: prior_period_events
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events WHERE seq > :after_seq AND ts < :until_ms ORDER BY seq LIMIT :limit;

-- name: distinct_all
SELECT symbol, other, commit_seq FROM distinct_markets;

-- name: distinct_keep
INSERT INTO distinct_markets (symbol, other, commit_seq) VALUES (:symbol, :other, :commit_seq);

-- name: distinct_drop
DELETE FROM distinct_markets WHERE symbol = :symbol AND other = :other;

-- name: last_seq
SELECT coalesce(max(seq), 0) FROM ledger_events;

-- ## TX 1: accounting

-- name: position_read
SELECT symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id,
    wallet, side, margin_mode, fees_unknown, funding, opened_json, replaced_json
FROM stage4_positions WHERE symbol = :symbol AND wallet = :wallet AND side = :side AND margin_mode = :margin_mode;

-- name: positions_all
SELECT symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id,
    wallet, side, margin_mode, fees_unknown, funding, opened_json, replaced_json
FROM stage4_positions ORDER BY symbol, wallet, side, margin_mode;

-- name: position_write
INSERT INTO stage4_positions (
    symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id,
    wallet, side, margin_mode, fees_unknown, funding, opened_json, replaced_json, cycle_id
) VALUES (:symbol, :qty, :cost, :realized_pnl, :fees_json, :events, :last_ts, :last_trade_id, :last_event_id, :wallet, :side, :margin_mode, :fees_unknown, :funding, :opened_json, :replaced_json, :cycle_id)
ON CONFLICT (symbol, wallet, side, margin_mode) DO UPDATE SET
    qty = excluded.qty, cost = excluded.cost, realized_pnl = excluded.realized_pnl,
    fees_json = excluded.fees_json, events = excluded.events, last_ts = excluded.last_ts,
    last_trade_id = excluded.last_trade_id, last_event_id = excluded.last_event_id,
    fees_unknown = excluded.fees_unknown, funding = excluded.funding,
    opened_json = excluded.opened_json, replaced_json = excluded.replaced_json,
    cycle_id = excluded.cycle_id;

-- name: position_drop
DELETE FROM stage4_positions
WHERE symbol = :symbol AND wallet = :wallet AND side = :side AND margin_mode = :margin_mode;

-- name: history_write
INSERT INTO position_history (
    symbol, commit_seq, qty, cost, realized_pnl, fees_json, wallet, side, margin_mode, fees_unknown,
    funding, opened_json, replaced_json
) VALUES (:symbol, :commit_seq, :qty, :cost, :realized_pnl, :fees_json, :wallet, :side, :margin_mode, :fees_unknown, :funding, :opened_json, :replaced_json)
ON CONFLICT (symbol, wallet, side, margin_mode, commit_seq) DO UPDATE SET
    qty = excluded.qty, cost = excluded.cost, realized_pnl = excluded.realized_pnl,
    fees_json = excluded.fees_json, fees_unknown = excluded.fees_unknown,
    funding = excluded.funding, opened_json = excluded.opened_json,
    replaced_json = excluded.replaced_json;

-- name: checkpoint_before
SELECT symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id,
    wallet, side, margin_mode, 0, funding, opened_json, replaced_json
FROM position_checkpoints
WHERE symbol = :symbol AND wallet = :wallet AND side = :side AND margin_mode = :margin_mode
    AND last_ts < :before_ms
ORDER BY last_ts DESC, events DESC LIMIT 1;

-- name: checkpoints_drop
DELETE FROM position_checkpoints
WHERE symbol = :symbol AND wallet = :wallet AND side = :side AND margin_mode = :margin_mode
    AND last_ts >= :since_ms;

-- name: checkpoint_write
INSERT INTO position_checkpoints (
    symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id,
    wallet, side, margin_mode, funding, opened_json, replaced_json
) VALUES (:symbol, :qty, :cost, :realized_pnl, :fees_json, :events, :last_ts, :last_trade_id, :last_event_id, :wallet, :side, :margin_mode, :funding, :opened_json, :replaced_json);

-- name: position_keys
-- The positions that events name; null is what their market has.
SELECT DISTINCT symbol, coalesce(wallet, 'main'), coalesce(position_side, 'net'), margin_mode
FROM ledger_events WHERE symbol IS NOT NULL AND seq <= :last_seq;

-- name: fees_unknown
-- How many fills' fees are not all named. A fee of a later cycle, as 0.1.0 booked them, named them.
SELECT count(*) FROM ledger_events AS e
WHERE e.type = 'FILL' AND e.symbol IN (SELECT value FROM json_each(:symbols)) AND coalesce(e.wallet, 'main') = :wallet AND coalesce(e.position_side, 'net') = :side AND coalesce(e.margin_mode, :usual_mode) = :margin_mode
    AND e.seq <= :last_seq AND instr(e.meta_json, '"fee":"unknown"')
    AND coalesce((
        SELECT v.type FROM ledger_events AS v
        WHERE v.exchange_trade_id = e.exchange_trade_id AND v.type IN ('VOID', 'UNVOID')
            AND v.seq <= :last_seq
        ORDER BY v.seq DESC LIMIT 1
    ), 'UNVOID') = 'UNVOID'
    AND NOT EXISTS (
        SELECT 1 FROM ledger_events AS f
        WHERE f.seq <= :last_seq AND (f.event_id = 'fee:' || e.exchange_trade_id
            OR f.event_id >= 'fee:' || e.exchange_trade_id || ':'
            AND f.event_id < 'fee:' || e.exchange_trade_id || ';')
            AND f.exchange_trade_id = 'fee:' || e.exchange_trade_id
            AND (instr(f.meta_json, '"fees":"all"') OR f.cycle_id > e.cycle_id AND EXISTS (
                SELECT 1 FROM ledger_commits AS k WHERE k.cycle_id = f.cycle_id AND k.version = 1
            ))
    );

-- name: fees_named
-- Whether a later report named all fees of a fill, or a later cycle of 0.1.0 one of them.
SELECT EXISTS (
    SELECT 1 FROM ledger_events AS f
    JOIN ledger_events AS e ON e.event_id = 'fill:' || :trade_id
    WHERE (f.event_id = 'fee:' || :trade_id
        OR f.event_id >= 'fee:' || :trade_id || ':' AND f.event_id < 'fee:' || :trade_id || ';')
        AND f.exchange_trade_id = 'fee:' || :trade_id
        AND (instr(f.meta_json, '"fees":"all"') OR f.cycle_id > e.cycle_id AND EXISTS (
            SELECT 1 FROM ledger_commits AS k WHERE k.cycle_id = f.cycle_id AND k.version = 1
        ))
);

-- ## TX 1: markets and balances

-- name: markets_all
SELECT symbol, kind, base, quote, money, rules, market_id, id_form, contract_size, alias_of, commit_seq
FROM markets ORDER BY symbol;

-- name: markets_begun
SELECT DISTINCT symbol FROM stage4_positions;

-- name: market_keep
INSERT INTO markets (
    symbol, kind, base, quote, money, rules, market_id, id_form, contract_size, alias_of, commit_seq
) VALUES (
    :symbol, :kind, :base, :quote, :money, :rules, :market_id, :id_form, :contract_size, :alias_of,
    :commit_seq
)
ON CONFLICT (symbol) DO UPDATE SET
    kind = excluded.kind, base = excluded.base, quote = excluded.quote, money = excluded.money,
    rules = excluded.rules, market_id = excluded.market_id, id_form = excluded.id_form,
    contract_size = excluded.contract_size, alias_of = excluded.alias_of;

-- name: market_drop
DELETE FROM markets WHERE symbol = :symbol;

-- name: balances_all
SELECT wallet, asset, amount FROM balances ORDER BY wallet, asset;

-- name: balance_write
INSERT INTO balances (wallet, asset, amount, cycle_id)
VALUES (:wallet, :asset, :amount, :cycle_id)
ON CONFLICT (wallet, asset) DO UPDATE SET amount = excluded.amount, cycle_id = excluded.cycle_id;

-- name: balance_history_write
INSERT INTO balance_history (wallet, asset, commit_seq, amount)
VALUES (:wallet, :asset, :commit_seq, :amount)
ON CONFLICT (wallet, asset, commit_seq) DO UPDATE SET amount = excluded.amount;

-- name: events_from
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events WHERE symbol = :symbol AND ts >= :since_ms AND seq <= :last_seq
    AND coalesce(wallet, 'main') = :wallet
    AND coalesce(position_side, 'net') = :side AND coalesce(margin_mode, :usual_mode) = :margin_mode
ORDER BY ts;

-- name: void_trades
-- Those whose last ruling is that they are void.
SELECT v.exchange_trade_id FROM ledger_events AS v
WHERE v.type IN ('VOID', 'UNVOID') AND v.seq <= :last_seq
GROUP BY v.exchange_trade_id
HAVING max(iif(v.type = 'VOID', v.seq, 0)) > max(iif(v.type = 'UNVOID', v.seq, 0));
-- ## TX 1: account events

-- name: ledger_facts
-- Whether there are conflicts, events of other types than fills and fees, and decisions.
SELECT
    (SELECT id FROM conflicts ORDER BY id LIMIT 1) IS NOT NULL,
    (SELECT seq FROM ledger_events WHERE type NOT IN ('FILL', 'FEE') ORDER BY type, ts LIMIT 1)
        IS NOT NULL,
    (SELECT commit_seq FROM ledger_commits WHERE decision_json IS NOT NULL ORDER BY commit_seq LIMIT 1)
        IS NOT NULL;

-- name: account_any
-- Whether there is any account event: most ledgers of fills alone have none.
SELECT 1 FROM ledger_events WHERE type NOT IN ('FILL', 'FEE') ORDER BY type, ts LIMIT 1;

-- name: event_numbers
-- The highest number there is among the ids of a type whose events are counted.
SELECT max(CAST(substr(event_id, length(:prefix) + 1) AS INTEGER)) FROM ledger_events
WHERE type NOT IN ('FILL', 'FEE') AND type = :type HAVING count(*);

-- name: legs_all
-- With the trade that the exchange booked it for. A plus keeps a condition from choosing the index:
-- few events have an asset.
SELECT coalesce(wallet, 'main'), asset, amount, iif(type = 'BOOKED', exchange_trade_id, NULL)
FROM ledger_events
WHERE asset IS NOT NULL AND amount IS NOT NULL AND +seq <= :last_seq;

-- name: legs_booked
-- What the exchange booked for some trades, among the first events.
SELECT coalesce(e.wallet, 'main'), e.asset, e.amount
FROM json_each(:trade_ids) AS wanted
CROSS JOIN ledger_events AS e ON e.exchange_trade_id = wanted.value AND e.type = 'BOOKED'
WHERE e.seq <= :last_seq;

-- name: legs_from
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events
WHERE asset IS NOT NULL AND asset = :asset AND ts >= :since_ms AND amount IS NOT NULL
    AND coalesce(wallet, 'main') = :wallet;

-- name: booked_any
SELECT 1 FROM ledger_events WHERE type = 'BOOKED' ORDER BY exchange_trade_id LIMIT 1;

-- name: booked_assets
-- By trade, the assets of which the exchange stated what it moved.
SELECT e.exchange_trade_id, e.asset
FROM json_each(:trade_ids) AS wanted
CROSS JOIN ledger_events AS e ON e.exchange_trade_id = wanted.value AND e.type = 'BOOKED'
WHERE e.seq <= :last_seq;

-- name: fills_of_trades
SELECT e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version
FROM json_each(:trade_ids) AS wanted CROSS JOIN ledger_events AS e ON e.event_id = 'fill:' || wanted.value;

-- name: events_at
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events WHERE symbol = :symbol AND ts = :ts;

-- name: events_of_type
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events
WHERE type NOT IN ('FILL', 'FEE') AND type = :type AND ts >= :since_ms ORDER BY ts;

-- name: openings_before
-- Those that earlier cycles booked, and that are not before a time.
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events
WHERE type NOT IN ('FILL', 'FEE') AND type = 'OPENING' AND ts >= :since_ms AND cycle_id < :cycle_id
ORDER BY ts;

-- name: assertion_write
INSERT INTO assertions (event_id, actual, holds) VALUES (:event_id, :actual, :holds)
ON CONFLICT (event_id) DO UPDATE SET actual = excluded.actual, holds = excluded.holds;

-- name: late_event_keep
INSERT INTO late_events (opening_id, scope, event_id) VALUES (:opening_id, :scope, :event_id)
ON CONFLICT (opening_id, scope) DO UPDATE SET event_id = excluded.event_id;

-- name: late_events_drop
DELETE FROM late_events;

-- name: events_after_opening
-- Events of later cycles than an OPENING's that are not after it in time, in the order booked: of
-- each market, and of none.
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM (
    SELECT e.* FROM (SELECT DISTINCT symbol FROM markets) AS m
    CROSS JOIN ledger_events AS e ON e.symbol = m.symbol AND e.ts <= :ts
    UNION ALL
    SELECT e.* FROM ledger_events AS e
    WHERE e.type NOT IN ('FILL', 'FEE') AND e.symbol IS NULL AND e.ts <= :ts
)
WHERE cycle_id > (SELECT cycle_id FROM ledger_events WHERE event_id = :event_id)
ORDER BY seq;

-- name: questions_open
-- What keeps markets and assets at attention: the kind, of what, where, and the figures.
SELECT 'assertion' AS kind, e.symbol, e.wallet, e.asset, e.event_id,
    coalesce(e.stated_balance, e.qty) AS stated, a.actual AS actual, e.seq
FROM assertions AS a JOIN ledger_events AS e ON e.event_id = a.event_id WHERE a.holds = 0
UNION ALL
SELECT 'late', e.symbol, e.wallet, e.asset, l.event_id, l.opening_id, NULL, e.seq
FROM late_events AS l JOIN ledger_events AS e ON e.event_id = l.event_id
UNION ALL
SELECT 'unknown', NULL, wallet, asset, min(event_id), count(*), NULL, NULL
FROM ledger_events WHERE type NOT IN ('FILL', 'FEE') AND type = 'UNKNOWN' GROUP BY wallet, asset;

-- name: wallets_opened
-- The wallets that OPENINGs of balances are of.
SELECT event_id, coalesce(wallet, 'main') FROM ledger_events
WHERE type NOT IN ('FILL', 'FEE') AND type = 'OPENING' AND asset IS NOT NULL;

-- name: wallets_with_interest
SELECT DISTINCT coalesce(wallet, 'main') FROM ledger_events
WHERE type NOT IN ('FILL', 'FEE') AND type = 'INTEREST';

-- name: wallets_since
-- By wallet, when its first event was.
SELECT wallet, min(ts) FROM (
    SELECT p.wallet AS wallet, (
        SELECT min(e.ts) FROM ledger_events AS e
        WHERE e.symbol = p.symbol AND coalesce(e.wallet, 'main') = p.wallet
    ) AS ts FROM stage4_positions AS p
    UNION ALL
    SELECT b.wallet, (
        SELECT min(e.ts) FROM ledger_events AS e
        WHERE e.asset IS NOT NULL AND e.asset = b.asset AND coalesce(e.wallet, 'main') = b.wallet
    ) FROM balances AS b
)
WHERE ts IS NOT NULL GROUP BY wallet;

-- name: rounding
-- What the exchange stated that trades moved, of the trades that are booked, and which trade.
SELECT coalesce(e.wallet, 'main'), e.asset, e.amount, e.exchange_trade_id FROM ledger_events AS e
WHERE e.type = 'BOOKED' AND EXISTS (
    SELECT 1 FROM ledger_events AS f WHERE f.event_id = 'fill:' || e.exchange_trade_id
);

-- name: balances_as_of
SELECT b.wallet, b.asset, h.amount
FROM balances AS b
JOIN balance_history AS h
    ON h.wallet = b.wallet AND h.asset = b.asset AND h.commit_seq = (
        SELECT max(commit_seq) FROM balance_history
        WHERE wallet = b.wallet AND asset = b.asset AND commit_seq <= :commit_seq
    )
ORDER BY b.wallet, b.asset;

-- ## TX 1: cursors and the commit

-- name: cursors_all
SELECT key, value_ms, start_ms, cycle_id FROM cursors ORDER BY key;

-- name: cursor_start_of
SELECT start_ms FROM cursors WHERE key = :key;

-- name: cursor_start
INSERT INTO cursors (key, value_ms, start_ms, cycle_id) VALUES (:key, :start_ms, :start_ms, :cycle_id);

-- name: cursor_advance
UPDATE cursors SET value_ms = :value_ms, cycle_id = :cycle_id
WHERE key = :key AND value_ms < :value_ms;

-- name: commit_last
SELECT commit_seq, hash, version, positions_digest, cursors_json
FROM ledger_commits ORDER BY commit_seq DESC LIMIT 1;

-- name: commit_of_hash
SELECT commit_seq FROM ledger_commits WHERE hex(hash) = upper(:hash);

-- name: digest_of_commit
SELECT positions_digest FROM ledger_commits WHERE commit_seq = :commit_seq AND version = :version;

-- name: decisions_after
SELECT decision_json FROM ledger_commits
WHERE decision_json IS NOT NULL AND commit_seq > :commit_seq ORDER BY commit_seq DESC;

-- name: decisions_all
SELECT commit_seq, decision_json FROM ledger_commits
WHERE decision_json IS NOT NULL ORDER BY commit_seq;

-- name: decisions_listed
SELECT commit_seq, cycle_id, committed_ms, decision_json FROM ledger_commits
WHERE decision_json IS NOT NULL ORDER BY commit_seq;

-- name: disputes_decided
-- Trades about whose contents a decision was made, but for names of markets.
SELECT source_id FROM conflicts
WHERE kind <> 'relabelled' AND decided_seq IS NOT NULL GROUP BY source_id ORDER BY min(id);

-- name: cycle_committed
-- Whether any cycle has committed, which a decision is none of.
SELECT EXISTS (SELECT 1 FROM ledger_commits WHERE decision_json IS NULL);

-- name: rule_booked
-- Fills that were booked under a decision's number.
SELECT exchange_trade_id FROM ledger_events
WHERE event_id >= 'fill:decision:' || :number || ':' AND event_id < 'fill:decision:' || :number || ';';

-- name: fills_with_size
SELECT EXISTS (
    SELECT 1 FROM ledger_events
    WHERE symbol = :symbol AND type = 'FILL' AND contract_size IS NOT NULL AND contract_size <> '1'
);

-- name: conflicts_whole
SELECT DISTINCT source_id FROM conflicts WHERE reported_json LIKE '[%';

-- name: conflicts_counted
SELECT EXISTS (SELECT 1 FROM ledger_commits WHERE conflicting > 0);

-- name: cycle_kind
SELECT kind FROM cycles WHERE cycle_id = :cycle_id;

-- name: latest_event
SELECT max(ts) FROM ledger_events WHERE symbol = :symbol;

-- name: commit_append
INSERT INTO ledger_commits (
    commit_seq, cycle_id, committed_ms, lease_epoch, attempted, inserted, ignored, conflicting,
    fills_fetched, fills_count, first_seq, last_seq, cursors_json, positions_digest, hash,
    version, decision_json
) VALUES (
    :commit_seq, :cycle_id, :committed_ms, :lease_epoch, :attempted, :inserted, :ignored,
    :conflicting, :fills_fetched, :fills_count, :first_seq, :last_seq, :cursors_json,
    :positions_digest, :hash, :version, :decision_json
);

-- name: commit_of_cycle
SELECT commit_seq, cycle_id, committed_ms, lease_epoch, attempted, inserted, ignored, conflicting,
    fills_fetched, fills_count, first_seq, last_seq, cursors_json, positions_digest, hash,
    version, decision_json
FROM ledger_commits WHERE cycle_id = :cycle_id;

-- name: anchors_missing
SELECT commit_seq, committed_ms, hash FROM ledger_commits WHERE commit_seq > :after
ORDER BY commit_seq DESC LIMIT :most;

-- name: hash_of_commit
SELECT hash FROM ledger_commits WHERE commit_seq = :commit_seq;

-- name: nothing_committed
-- A cycle that had nothing to commit, as a commit, and the cursors that the commit before it left.
SELECT NULL AS commit_seq, c.cycle_id, c.started_ms AS committed_ms, 0 AS lease_epoch, c.attempted,
    c.inserted, c.ignored, c.conflicting, c.fills_fetched, c.fills_count, NULL AS first_seq,
    NULL AS last_seq, coalesce(c.cursors_json, k.cursors_json, '{}') AS cursors_json,
    k.positions_digest, k.commit_seq AS last_commit_seq
FROM cycles AS c
LEFT JOIN ledger_commits AS k ON k.cycle_id = (
    SELECT max(cycle_id) FROM ledger_commits WHERE cycle_id < c.cycle_id
)
WHERE c.cycle_id = :cycle_id AND c.committed = 'nothing';

-- ## cycles

-- name: cycle_last_id
SELECT max(
    coalesce((SELECT max(cycle_id) FROM cycles), 0),
    coalesce((SELECT max(cycle_id) FROM ledger_commits), 0),
    coalesce((SELECT max(cycle_id) FROM orders), 0),
    coalesce((SELECT max(last) FROM idle_runs), 0)
);

-- name: cycle_begin
INSERT INTO cycles (
    cycle_id, kind, status, replay_of, mode, started_ms, venue_ms, marks_json, timings_json, edge
) VALUES (:cycle_id, :kind, 'running', :replay_of, :mode, :started_ms, :venue_ms, :marks_json, '{}', :edge)
ON CONFLICT (cycle_id) DO NOTHING;

-- name: cycle_end
INSERT INTO cycles (
    cycle_id, kind, status, replay_of, verdict, mode, started_ms, venue_ms, ended_ms, marks_json,
    timings_json, fills_fetched, fills_count, errors_json, warnings_json, edge,
    committed, attempted, inserted, ignored, conflicting, cursors_json
) VALUES (
    :cycle_id, :kind, :status, :replay_of, :verdict, :mode, :started_ms, :venue_ms, :ended_ms,
    :marks_json, :timings_json, :fills_fetched, :fills_count, :errors_json, :warnings_json, :edge,
    :committed, :attempted, :inserted, :ignored, :conflicting, :cursors_json
)
ON CONFLICT (cycle_id) DO UPDATE SET
    status = excluded.status, verdict = excluded.verdict, ended_ms = excluded.ended_ms,
    timings_json = excluded.timings_json, fills_fetched = excluded.fills_fetched,
    fills_count = excluded.fills_count, errors_json = excluded.errors_json,
    warnings_json = excluded.warnings_json, committed = excluded.committed,
    attempted = excluded.attempted, inserted = excluded.inserted, ignored = excluded.ignored,
    conflicting = excluded.conflicting, cursors_json = excluded.cursors_json;

-- name: cycles_unfinished
SELECT cycle_id FROM cycles WHERE status = 'running' ORDER BY cycle_id;

-- name: cycles_restore
INSERT INTO cycles (
    cycle_id, kind, status, mode, started_ms, venue_ms, ended_ms, marks_json, timings_json,
    fills_fetched, fills_count, errors_json, edge, committed, attempted, inserted, ignored,
    conflicting
)
SELECT c.cycle_id, iif(c.decision_json IS NULL, 'live', 'decision'), 'partial', :mode, c.committed_ms, c.committed_ms, c.committed_ms, '{}',
    '{}', c.fills_fetched, c.fills_count, :errors_json, c.version, 'yes', c.attempted, c.inserted,
    c.ignored, c.conflicting
FROM ledger_commits AS c
WHERE c.commit_seq > :after AND NOT EXISTS (
    SELECT 1 FROM cycles WHERE cycles.cycle_id = c.cycle_id
);

-- name: cycle_settle
UPDATE cycles
SET status = :status, ended_ms = coalesce(ended_ms, started_ms),
    fills_fetched = :fills_fetched, fills_count = :fills_count, errors_json = :errors_json,
    committed = :committed, attempted = :attempted, inserted = :inserted, ignored = :ignored,
    conflicting = :conflicting
WHERE cycle_id = :cycle_id AND status = 'running';

-- name: cycle_has_orders
SELECT EXISTS (SELECT 1 FROM orders WHERE :cycle_id IN (cycle_id, canceled_cycle_id));

-- name: cycle_replay_of
SELECT replay_of FROM cycles WHERE cycle_id = :cycle_id;

-- name: cycle_clock
SELECT venue_ms FROM cycles WHERE cycle_id = :cycle_id;

-- name: cycle_read
SELECT cycle_id, kind, status, replay_of, verdict, mode, started_ms, venue_ms, ended_ms,
    marks_json, timings_json, fills_fetched, fills_count, errors_json, warnings_json
FROM cycles WHERE cycle_id = :cycle_id;

-- name: cycle_last
SELECT cycle_id, kind, status, replay_of, verdict, mode, started_ms, venue_ms, ended_ms,
    marks_json, timings_json, fills_fetched, fills_count, errors_json, warnings_json, committed,
    attempted, inserted, ignored, conflicting
FROM cycles ORDER BY cycle_id DESC LIMIT 1;

-- name: cycle_last_mode
SELECT mode FROM cycles ORDER BY cycle_id DESC LIMIT 1;

-- name: cycle_last_reconcile
-- The last one that committed; where there is none, the ledger's first cycle.
SELECT coalesce(
    (SELECT c.started_ms FROM cycles AS c
        WHERE c.kind = 'reconcile' AND (c.committed = 'nothing'
            OR EXISTS (SELECT 1 FROM ledger_commits AS k WHERE k.cycle_id = c.cycle_id))
        ORDER BY c.started_ms DESC LIMIT 1),
    (SELECT started_ms FROM cycles WHERE kind = 'live' ORDER BY cycle_id LIMIT 1)
);

-- name: cycle_last_in_vain
-- Whether the last cycle was a reconcile that did not commit.
SELECT c.kind = 'reconcile' AND c.committed IS NOT 'nothing'
    AND NOT EXISTS (SELECT 1 FROM ledger_commits AS k WHERE k.cycle_id = c.cycle_id)
FROM cycles AS c ORDER BY c.cycle_id DESC LIMIT 1;

-- ## idle cycles

-- name: idle_next
-- The cycles that no step has looked at, but for the newest. Evidence expires with its day.
SELECT c.cycle_id, c.started_ms, c.fills_fetched,
    c.committed IS 'nothing' AND c.kind <> 'replay' AND c.status <> 'running' AS is_idle,
    EXISTS (SELECT 1 FROM cycle_inputs AS i WHERE i.cycle_id = c.cycle_id) AS evidence
FROM cycles AS c
WHERE c.cycle_id > (SELECT through FROM idle_sweep)
    AND c.cycle_id < (SELECT max(cycle_id) FROM cycles)
ORDER BY c.cycle_id LIMIT :step;

-- name: idle_named
-- What names cycles. The last reconcile is named by the one that comes next.
SELECT cycle_id FROM orders WHERE cycle_id BETWEEN :first AND :last
UNION SELECT canceled_cycle_id FROM orders WHERE canceled_cycle_id BETWEEN :first AND :last
UNION SELECT replay_of FROM cycles WHERE replay_of BETWEEN :first AND :last
UNION SELECT cycle_id FROM ledger_commits WHERE cycle_id BETWEEN :first AND :last
UNION SELECT cycle_id FROM cursors WHERE cycle_id BETWEEN :first AND :last
UNION SELECT cycle_id FROM conflicts WHERE cycle_id BETWEEN :first AND :last
UNION SELECT cycle_id FROM quarantine WHERE cycle_id BETWEEN :first AND :last
UNION SELECT resolved_cycle_id FROM quarantine WHERE resolved_cycle_id BETWEEN :first AND :last
UNION SELECT applied_cycle_id FROM quarantine WHERE applied_cycle_id BETWEEN :first AND :last
UNION SELECT cycle_id FROM audit WHERE cycle_id BETWEEN :first AND :last
UNION SELECT * FROM (
    SELECT cycle_id FROM cycles WHERE kind = 'reconcile' AND committed IN ('yes', 'nothing')
    ORDER BY started_ms DESC LIMIT 1
);

-- name: idle_run_grow
UPDATE idle_runs
SET last = :cycle_id, count = count + 1, last_ms = :started_ms,
    fills_ignored = fills_ignored + :fills
WHERE last = :cycle_id - 1;

-- name: idle_run_begin
INSERT INTO idle_runs (first, last, count, first_ms, last_ms, fills_ignored)
VALUES (:cycle_id, :cycle_id, 1, :started_ms, :started_ms, :fills);

-- name: idle_drop_metrics
DELETE FROM cycle_metrics WHERE cycle_id = :cycle_id;

-- name: idle_drop_cycle
DELETE FROM cycles WHERE cycle_id = :cycle_id;

-- name: idle_swept
UPDATE idle_sweep SET through = :through WHERE id = 1;

-- ## evidence

-- name: items_known
SELECT i.digest, i.number
FROM json_each(:digests) AS wanted
CROSS JOIN input_items AS i
    ON i.symbol = :symbol AND i.day = :day AND i.digest = wanted.value;

-- name: items_last
SELECT coalesce(max(number), 0) FROM input_items WHERE symbol = :symbol;

-- name: items_keep
INSERT INTO input_items (symbol, number, day, digest, raw) VALUES (:symbol, :number, :day, :digest, :raw);

-- name: items_run
SELECT raw FROM input_items WHERE symbol = :symbol AND number BETWEEN :first AND :last ORDER BY number;

-- name: items_expire
DELETE FROM input_items WHERE (symbol, number) IN (
    SELECT symbol, number FROM input_items
    WHERE day < min(:day, coalesce((SELECT day FROM cycle_inputs ORDER BY cycle_id LIMIT 1), :day))
    LIMIT 1000
);

-- name: inputs_keep
INSERT INTO cycle_inputs (
    cycle_id, symbol, day, since_ms, start_ms, latest_ms, complete, items, error, pages_json,
    terms_json
) VALUES (
    :cycle_id, :symbol, :day, :since_ms, :start_ms, :latest_ms, :complete, :items, :error,
    :pages_json, :terms_json
);

-- name: inputs_of_cycle
SELECT symbol, since_ms, start_ms, latest_ms, complete, items, error, pages_json, terms_json
FROM cycle_inputs WHERE cycle_id = :cycle_id ORDER BY rowid;

-- name: inputs_last_terms
SELECT terms_json FROM cycle_inputs WHERE symbol = :symbol ORDER BY cycle_id DESC LIMIT 1;

-- name: inputs_expire
DELETE FROM cycle_inputs
WHERE cycle_id IN (SELECT cycle_id FROM cycle_inputs ORDER BY cycle_id LIMIT 64) AND day < :day;

-- ## quarantine

-- name: quarantine_keep
-- Earlier versions told items apart by their text alone: what they kept of a market counts.
INSERT INTO quarantine (digest, symbol, raw, reason, cycle_id, status)
SELECT :digest, :symbol, :raw, :reason, :cycle_id, 'open'
WHERE NOT EXISTS (
    SELECT 1 FROM quarantine WHERE digest = :digest_of_any AND symbol = :symbol
)
ON CONFLICT (digest) DO NOTHING;

-- name: quarantine_held
SELECT DISTINCT symbol FROM quarantine
WHERE status = 'open' AND id NOT IN (SELECT value FROM json_each(:but));

-- name: quarantine_is_open
SELECT id FROM quarantine WHERE digest = :digest AND status = 'open';

-- name: quarantine_open
SELECT id, symbol, raw FROM quarantine WHERE status = 'open' ORDER BY id;

-- name: quarantine_release
-- What TX 1 did not book stays open.
UPDATE quarantine
SET status = 'booked', resolved_ms = :now_ms, resolved_cycle_id = :cycle_id,
    note = 'fill ' || json_extract(r.value, '$[1]') || ' is in the ledger'
FROM json_each(:releases) AS r
WHERE quarantine.id = json_extract(r.value, '$[0]') AND status = 'open'
    AND EXISTS (SELECT 1 FROM ledger_events WHERE event_id = 'fill:' || json_extract(r.value, '$[1]'));

-- name: quarantine_decided
SELECT digest FROM quarantine
WHERE status IN ('dropped', 'replaced') AND resolved_cycle_id < :before;

-- name: quarantine_digests
SELECT digest FROM quarantine;

-- name: quarantine_pending
SELECT id, symbol, raw, reason, cycle_id, status, replacement, applied_cycle_id, note, decided_seq
FROM quarantine WHERE status = 'replaced' AND applied_cycle_id IS NULL ORDER BY id;

-- name: quarantine_applied
SELECT id, symbol, raw, reason, cycle_id, status, replacement, applied_cycle_id, note, decided_seq
FROM quarantine WHERE applied_cycle_id = :cycle_id ORDER BY id;

-- name: quarantine_standing
SELECT id, symbol, raw, reason, cycle_id, status, replacement, applied_cycle_id, note, decided_seq
FROM quarantine WHERE status = 'replaced' AND resolved_cycle_id < :before ORDER BY id;

-- name: quarantine_mark_applied
UPDATE quarantine SET applied_cycle_id = :cycle_id WHERE id = :id;

-- name: quarantine_all
SELECT id, symbol, raw, reason, cycle_id, status, replacement, applied_cycle_id, note, decided_seq
FROM quarantine ORDER BY id;

-- name: quarantine_item
SELECT id, symbol, raw, reason, cycle_id, status, replacement, applied_cycle_id, note, decided_seq
FROM quarantine WHERE id = :id;

-- name: replacement_reached
SELECT EXISTS (
    SELECT 1 FROM json_each(:trade_ids) AS wanted
    CROSS JOIN ledger_events AS e ON e.event_id = 'fill:' || wanted.value
) OR EXISTS (
    SELECT 1 FROM json_each(:trade_ids) AS wanted
    CROSS JOIN conflicts AS c ON c.source_id = wanted.value
) OR EXISTS (SELECT 1 FROM quarantine WHERE raw = :raw);

-- name: fill_cycle
SELECT cycle_id FROM ledger_events WHERE event_id = 'fill:' || :trade_id;

-- name: alike_cycle
-- The last cycle that booked one of the rows alike, of which venues give no ids.
SELECT max(cycle_id) FROM ledger_events
WHERE event_id > 'fill:' || :alike || ':' AND event_id < 'fill:' || :alike || ';';

-- name: quarantine_decide
-- One that a cycle released since an undo opened it is booked, whatever was decided before.
UPDATE quarantine
SET status = :status, replacement = :replacement, resolved_ms = :resolved_ms,
    resolved_cycle_id = :resolved_cycle_id, decided_seq = :decided_seq
WHERE id BETWEEN :first AND :last AND status <> 'booked';

-- ## orders

-- name: order_intend
INSERT INTO orders (
    client_order_id, cycle_id, symbol, side, qty, price, decision_price, status, reason, updated_ms
) VALUES (:client_order_id, :cycle_id, :symbol, :side, :qty, :price, :decision_price, :status, :reason, :updated_ms);

-- name: order_sent
UPDATE orders
SET status = :status, reason = :reason, submit_outcome = :outcome,
    submitted_ms = :submitted_ms, exchange_order_id = :exchange_order_id, updated_ms = :now_ms
WHERE client_order_id = :client_order_id;

-- name: order_resolved
UPDATE orders
SET status = :status, exchange_order_id = :exchange_order_id,
    submit_outcome = coalesce(submit_outcome, 'accepted'),
    submitted_ms = coalesce(submitted_ms, :submitted_ms), updated_ms = :now_ms
WHERE client_order_id = :client_order_id;

-- name: order_absent
UPDATE orders SET status = 'absent', reason = :reason, updated_ms = :now_ms
WHERE client_order_id = :client_order_id;

-- name: order_canceled
UPDATE orders SET status = 'canceled', canceled_cycle_id = :cycle_id, updated_ms = :now_ms
WHERE client_order_id = :client_order_id;

-- name: orders_unresolved
-- The first condition is that of the index orders_live, word for word: without it there is none.
SELECT client_order_id, cycle_id, symbol, side, qty, price, status, submit_outcome
FROM orders WHERE status IN ('intended', 'unknown', 'open') AND status <> 'open'
ORDER BY cycle_id, client_order_id;

-- name: orders_open
SELECT client_order_id, cycle_id, symbol, side, qty, price, status, submit_outcome
FROM orders WHERE status IN ('intended', 'unknown', 'open') AND status = 'open'
ORDER BY cycle_id, client_order_id;

-- name: orders_absent_of
SELECT client_order_id, cycle_id, symbol, side, qty, price, status, submit_outcome
FROM orders WHERE status = 'absent' AND client_order_id IN (SELECT value FROM json_each(:client_order_ids));

-- name: orders_live_symbols
SELECT DISTINCT symbol FROM orders WHERE status IN ('intended', 'unknown', 'open');

-- ## metrics

-- name: orders_counted
SELECT
    (SELECT count(*) FROM orders WHERE cycle_id = :cycle_id AND submit_outcome IS NOT NULL)
        AS orders_submitted,
    (SELECT count(*) FROM orders WHERE canceled_cycle_id = :cycle_id) AS orders_canceled,
    (SELECT count(*) FROM orders WHERE cycle_id = :cycle_id AND submit_outcome = 'rejected')
        AS rejects_count,
    (SELECT count(*) FROM orders WHERE cycle_id = :cycle_id AND status = 'refused')
        AS orders_refused;

-- name: events_between
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events WHERE seq BETWEEN :first_seq AND :last_seq ORDER BY seq;

-- name: account_events_between
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events
WHERE seq BETWEEN :first_seq AND :last_seq AND type NOT IN ('FILL', 'FEE') ORDER BY seq;

-- name: orders_last_cycle
SELECT max(cycle_id) FROM orders;

-- name: orders_by_client_id
SELECT client_order_id, exchange_order_id, decision_price, submitted_ms
FROM orders WHERE client_order_id IN (SELECT value FROM json_each(:ids));

-- name: orders_by_exchange_id
SELECT client_order_id, exchange_order_id, decision_price, submitted_ms
FROM orders WHERE exchange_order_id IN (SELECT value FROM json_each(:ids));

-- name: positions_changed
-- By a commit.
SELECT h.symbol, h.wallet, h.side, h.margin_mode
FROM stage4_positions AS p
CROSS JOIN position_history AS h ON h.symbol = p.symbol AND h.wallet = p.wallet AND h.side = p.side
    AND h.margin_mode = p.margin_mode AND h.commit_seq = :commit_seq;

-- name: positions_as_of
SELECT p.symbol, h.qty, h.cost, h.realized_pnl, h.fees_json, 0, 0, '', '',
    p.wallet, p.side, p.margin_mode, h.fees_unknown, h.funding, h.opened_json, h.replaced_json
FROM (
    SELECT symbol, wallet, side, margin_mode FROM stage4_positions
    UNION ALL SELECT DISTINCT symbol, wallet, side, margin_mode FROM position_history
    WHERE symbol IN (SELECT symbol FROM markets WHERE alias_of IS NOT NULL)
        AND symbol NOT IN (SELECT symbol FROM stage4_positions)
) AS p
JOIN position_history AS h ON h.symbol = p.symbol AND h.wallet = p.wallet AND h.side = p.side
    AND h.margin_mode = p.margin_mode AND h.commit_seq = (
    SELECT max(commit_seq) FROM position_history
    WHERE symbol = p.symbol AND wallet = p.wallet AND side = p.side
        AND margin_mode = p.margin_mode AND commit_seq <= :commit_seq
);

-- name: metrics_upsert
INSERT INTO cycle_metrics (
    cycle_id, ts_start, ts_end, mode, fills_count, orders_submitted, orders_canceled,
    rejects_count, fill_rate, avg_time_to_fill, slippage_bps_avg, fees_json, pnl_json, meta_json
) VALUES (
    :cycle_id, :ts_start, :ts_end, :mode, :fills_count, :orders_submitted, :orders_canceled,
    :rejects_count, :fill_rate, :avg_time_to_fill, :slippage_bps_avg, :fees_json, :pnl_json,
    :meta_json
)
ON CONFLICT (cycle_id) DO UPDATE SET
    ts_start = excluded.ts_start, ts_end = excluded.ts_end, mode = excluded.mode,
    fills_count = excluded.fills_count, orders_submitted = excluded.orders_submitted,
    orders_canceled = excluded.orders_canceled, rejects_count = excluded.rejects_count,
    fill_rate = excluded.fill_rate, avg_time_to_fill = excluded.avg_time_to_fill,
    slippage_bps_avg = excluded.slippage_bps_avg, fees_json = excluded.fees_json,
    pnl_json = excluded.pnl_json, meta_json = excluded.meta_json;

-- name: metrics_drop
DELETE FROM cycle_metrics WHERE cycle_id = :cycle_id;

-- name: metrics_drop_of_fills
-- Of the cycles that booked fills of an order, all of them after the commit of the one that sent it.
DELETE FROM cycle_metrics WHERE cycle_id IN (
    SELECT e.cycle_id FROM ledger_events AS e
    WHERE e.seq > coalesce((
            SELECT k.last_seq FROM ledger_commits AS k
            WHERE k.cycle_id <= :cycle_id AND k.last_seq IS NOT NULL
            ORDER BY k.cycle_id DESC LIMIT 1
        ), 0)
        AND (e.client_order_id = :client_order_id OR e.exchange_order_id = :exchange_order_id)
)
RETURNING cycle_id;

-- name: metrics_drop_unrecorded
-- Of commits without a cycle row.
DELETE FROM cycle_metrics WHERE cycle_id IN (
    SELECT k.cycle_id FROM ledger_commits AS k
    WHERE k.commit_seq > :after AND NOT EXISTS (
        SELECT 1 FROM cycles AS c WHERE c.cycle_id = k.cycle_id
    )
);

-- name: metrics_missing
SELECT k.cycle_id FROM ledger_commits AS k
WHERE k.commit_seq > :after
    AND NOT EXISTS (SELECT 1 FROM cycle_metrics AS m WHERE m.cycle_id = k.cycle_id)
UNION
SELECT c.cycle_id FROM cycles AS c
WHERE c.cycle_id > :after_cycle AND c.committed = 'nothing'
    AND NOT EXISTS (SELECT 1 FROM cycle_metrics AS m WHERE m.cycle_id = c.cycle_id)
ORDER BY 1;

-- ## audit

-- name: audit_add
INSERT INTO audit (ts, actor, action, detail_json, outcome, cycle_id)
VALUES (:ts, :actor, :action, :detail_json, :outcome,
    iif(json_valid(:detail_json), json_extract(:detail_json, '$.cycle_id'), NULL))
RETURNING id;

-- name: audit_outcome
UPDATE audit SET outcome = :outcome WHERE id = :id;

-- name: audit_prune
DELETE FROM audit
WHERE action IN (SELECT value FROM json_each(:actions)) AND outcome <> 'running' AND (
    id <= (SELECT max(id) FROM audit) - :most
    OR actor = :actor AND id <= (
        SELECT id FROM audit WHERE actor = :actor ORDER BY id DESC LIMIT 1 OFFSET :most_of_one
    )
);

-- name: audit_pruned_before
SELECT id, detail_json FROM audit WHERE actor = :actor AND action = :action;

-- name: audit_pruned_again
UPDATE audit SET ts = :ts, detail_json = :detail_json WHERE id = :id;

-- name: audit_interrupted
-- What ran when an engine ended is among the last rows: no start reads the whole history.
UPDATE audit SET outcome = 'interrupted'
WHERE id > (SELECT max(id) FROM audit) - 1000 AND outcome = 'running';

-- ## rehearsal: `main` is the scratch copy, `source` the ledger it is taken from

-- name: scratch_attach
ATTACH :uri AS source;

-- name: scratch_recorded
SELECT commit_seq, cycle_id, committed_ms, lease_epoch, attempted, inserted, ignored, conflicting,
    first_seq, last_seq, cursors_json, version
FROM source.ledger_commits WHERE cycle_id = :cycle_id;

-- name: scratch_nothing
-- Of a cycle that had nothing to commit: its counts, and the cursors that the commit before it left.
SELECT c.started_ms AS committed_ms, c.attempted, c.inserted, c.ignored, c.conflicting,
    coalesce(c.cursors_json, k.cursors_json) AS cursors_json, k.lease_epoch, k.version
FROM source.cycles AS c
JOIN source.ledger_commits AS k ON k.cycle_id = (
    SELECT max(cycle_id) FROM source.ledger_commits WHERE cycle_id < c.cycle_id
)
WHERE c.cycle_id = :cycle_id AND c.committed = 'nothing';

-- name: scratch_next_commit
SELECT coalesce(max(commit_seq), 0) + 1 FROM source.ledger_commits WHERE cycle_id < :cycle_id;

-- name: scratch_events
INSERT INTO main.ledger_events
SELECT * FROM source.ledger_events WHERE seq <= (
    SELECT coalesce(max(last_seq), 0) FROM source.ledger_commits WHERE commit_seq < :commit_seq
)
ORDER BY seq;

-- name: scratch_claims
INSERT INTO main.applied_fills
SELECT exchange_trade_id, cycle_id FROM main.ledger_events
WHERE type = 'FILL';

-- name: scratch_commits
-- And those of 0.1.0 that inserted anything, which say what its fees meant.
INSERT INTO main.ledger_commits
SELECT * FROM source.ledger_commits
WHERE commit_seq = :commit_seq - 1 OR commit_seq < :commit_seq AND version = 1 AND inserted > 0;

-- name: scratch_markets
INSERT INTO main.markets SELECT * FROM source.markets WHERE commit_seq < :commit_seq;

-- name: scratch_conflicts
-- Undecided: what was decided by then is decided again.
INSERT INTO main.conflicts
SELECT id, event_id, cycle_id, fields_json, reported_json, reported_hash, source_id, symbol, ts, kind,
    iif(status = 'superseded', status, 'open'), NULL, NULL
FROM source.conflicts
WHERE cycle_id IN (SELECT cycle_id FROM source.ledger_commits WHERE commit_seq < :commit_seq);

-- name: scratch_decisions_before
SELECT decision_json FROM source.ledger_commits
WHERE decision_json IS NOT NULL AND commit_seq < :commit_seq ORDER BY commit_seq;

-- name: scratch_decisions_after
SELECT decision_json FROM source.ledger_commits
WHERE decision_json IS NOT NULL AND commit_seq >= :commit_seq ORDER BY commit_seq DESC;

-- name: scratch_edge
-- By which rules a cycle read, and the venue's clock, of a replay that of the cycle it replayed.
SELECT c.edge, coalesce(o.venue_ms, c.venue_ms)
FROM source.cycles AS c LEFT JOIN source.cycles AS o ON o.cycle_id = c.replay_of
WHERE c.cycle_id = :cycle_id;

-- name: scratch_balances_then
SELECT b.wallet, b.asset, h.amount
FROM source.balances AS b
JOIN source.balance_history AS h
    ON h.wallet = b.wallet AND h.asset = b.asset AND h.commit_seq = (
        SELECT max(commit_seq) FROM source.balance_history
        WHERE wallet = b.wallet AND asset = b.asset AND commit_seq <= :commit_seq
    )
ORDER BY b.wallet, b.asset;

-- name: scratch_replay_of
SELECT replay_of FROM source.cycles WHERE cycle_id = :cycle_id;

-- name: scratch_identity
INSERT INTO main.ledger_identity SELECT key, value FROM source.ledger_identity;

-- name: scratch_quarantine
-- As the cycle found it: what was resolved or applied since is open or pending still.
INSERT INTO main.quarantine (
    id, digest, symbol, raw, reason, cycle_id, status, resolved_cycle_id, replacement,
    applied_cycle_id
)
SELECT id, digest, symbol, raw, reason, cycle_id,
    iif(resolved_cycle_id < :cycle_id, status, 'open'), resolved_cycle_id,
    replacement, iif(applied_cycle_id < :cycle_id, applied_cycle_id, NULL)
FROM source.quarantine WHERE cycle_id <= :cycle_id;

-- name: scratch_cycles
-- Those that applied corrections, by whose rules these stand in their place.
INSERT INTO main.cycles
SELECT * FROM source.cycles WHERE cycle_id < :cycle_id AND cycle_id IN (
    SELECT applied_cycle_id FROM source.quarantine
);

-- name: scratch_inserted_then
SELECT event_id, hash FROM source.ledger_events WHERE seq BETWEEN :first_seq AND :last_seq;

-- name: scratch_account_events
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM source.ledger_events
WHERE seq BETWEEN :first_seq AND :last_seq AND type NOT IN ('FILL', 'FEE') ORDER BY seq;

-- name: scratch_inserted_now
SELECT event_id, hash FROM main.ledger_events WHERE cycle_id = :cycle_id;

-- name: scratch_positions_then
SELECT p.symbol, h.qty, h.cost, h.realized_pnl, h.fees_json, 0, 0, '', '',
    p.wallet, p.side, p.margin_mode, h.fees_unknown, h.funding, h.opened_json, h.replaced_json
FROM (
    SELECT symbol, wallet, side, margin_mode FROM source.stage4_positions
    UNION SELECT symbol, wallet, side, margin_mode FROM source.position_history
    WHERE symbol IN (SELECT symbol FROM source.markets WHERE alias_of IS NOT NULL)
) AS p
JOIN source.position_history AS h ON h.symbol = p.symbol AND h.wallet = p.wallet AND h.side = p.side
    AND h.margin_mode = p.margin_mode AND h.commit_seq = (
    SELECT max(commit_seq) FROM source.position_history
    WHERE symbol = p.symbol AND wallet = p.wallet AND side = p.side
        AND margin_mode = p.margin_mode AND commit_seq <= :commit_seq
)
ORDER BY p.symbol, p.wallet, p.side, p.margin_mode;

-- ## verify

-- name: verify_state
SELECT json_array(
    (SELECT beats FROM lease), (SELECT max(seq) FROM ledger_events),
    (SELECT hex(hash) FROM ledger_commits ORDER BY commit_seq DESC LIMIT 1)
);

-- name: verify_schema
SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\';

-- name: verify_conflicts
SELECT c.id, c.event_id, c.cycle_id, c.fields_json, c.reported_json, c.reported_hash, c.source_id,
    c.symbol, c.ts, c.kind, c.status, c.booked_as, c.decided_seq,
    coalesce(k.conflicting, 0) OR c.kind = 'relabelled' AND EXISTS (
        -- Booked twins of an earlier program.
        SELECT 1 FROM ledger_events WHERE event_id = c.event_id AND symbol = c.symbol
    ) AS commit_conflicting
FROM conflicts AS c LEFT JOIN ledger_commits AS k ON k.cycle_id = c.cycle_id
ORDER BY c.id;

-- name: verify_quarantine
SELECT id, digest, symbol, raw, cycle_id, status, replacement, resolved_ms, resolved_cycle_id,
    decided_seq,
    applied_cycle_id, note,
    decided_seq = 0 AND EXISTS (
        SELECT 1 FROM audit WHERE ts = resolved_ms AND action = 'quarantine resolve'
    ) AS audited,
    status = 'booked' AND EXISTS (
        SELECT 1 FROM ledger_events
        WHERE event_id = 'fill:' || substr(note, 6, length(note) - length('fill  is in the ledger'))
            AND note = 'fill ' || substr(event_id, 6) || ' is in the ledger'
    ) AS note_is_true
FROM quarantine ORDER BY id;

-- name: inputs_days
SELECT symbol, day FROM cycle_inputs WHERE cycle_id = :cycle_id;

-- name: is_replacement
SELECT EXISTS (SELECT 1 FROM quarantine WHERE replacement = :raw);

-- name: verify_items
SELECT symbol, number, digest, raw FROM input_items ORDER BY symbol, number;

-- name: verify_responses
SELECT cycle_id, symbol, items, pages_json FROM cycle_inputs ORDER BY cycle_id, symbol;

-- name: verify_run
SELECT count(*) FROM input_items WHERE symbol = :symbol AND number BETWEEN :first AND :last;

-- name: verify_cycles
SELECT c.cycle_id, c.kind, k.decision_json IS NOT NULL AS decides, c.status, c.committed, c.fills_fetched, c.fills_count, c.edge, c.attempted,
    c.inserted, c.ignored, c.conflicting, c.cursors_json, k.commit_seq,
    k.fills_fetched AS commit_fills_fetched, k.fills_count AS commit_fills_count,
    k.version AS commit_edge, k.attempted AS commit_attempted, k.inserted AS commit_inserted,
    k.ignored AS commit_ignored, k.conflicting AS commit_conflicting
FROM cycles AS c LEFT JOIN ledger_commits AS k ON k.cycle_id = c.cycle_id
ORDER BY c.cycle_id;

-- name: verify_idle_runs
SELECT first, last, count, first_ms, last_ms, fills_ignored FROM idle_runs ORDER BY first;

-- name: verify_idle_rows
-- Rows of cycles between two that a run says are no longer kept.
SELECT 'cycles', cycle_id FROM cycles WHERE cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'cycle_metrics', cycle_id FROM cycle_metrics WHERE cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'ledger_commits', cycle_id FROM ledger_commits WHERE cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'cycle_inputs', cycle_id FROM cycle_inputs WHERE cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'orders', cycle_id FROM orders WHERE cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'orders', canceled_cycle_id FROM orders WHERE canceled_cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'conflicts', cycle_id FROM conflicts WHERE cycle_id BETWEEN :first AND :last
UNION ALL SELECT 'quarantine', cycle_id FROM quarantine WHERE cycle_id BETWEEN :first AND :last
LIMIT 100;

-- name: verify_sweep
SELECT through, (SELECT coalesce(max(last), 0) FROM idle_runs), (SELECT coalesce(max(cycle_id), 0) FROM cycles)
FROM idle_sweep;

-- name: verify_integrity
PRAGMA integrity_check;

-- name: verify_evidence
-- Of the cycles that booked fills which no operator put in, the smallest whose evidence is kept: the
-- cycle that was told them, which is another one of a replay, and what was booked. None that is too
-- large to be held in memory.
SELECT coalesce(c.replay_of, k.cycle_id), k.first_seq, k.last_seq
FROM ledger_commits AS k
LEFT JOIN cycles AS c ON c.cycle_id = k.cycle_id
WHERE k.fills_count > (SELECT count(*) FROM quarantine WHERE status = 'replaced')
    AND k.fills_fetched <= 10000
    AND EXISTS (
        SELECT 1 FROM cycle_inputs AS i WHERE i.cycle_id = coalesce(c.replay_of, k.cycle_id)
    )
ORDER BY k.fills_fetched, k.commit_seq LIMIT 1;

-- name: verify_commits
SELECT commit_seq, cycle_id, committed_ms, lease_epoch, attempted, inserted, ignored, conflicting,
    fills_fetched, fills_count, first_seq, last_seq, cursors_json, positions_digest, hash,
    version, decision_json
FROM ledger_commits ORDER BY commit_seq;

-- name: verify_events
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version, seq, cycle_id
FROM ledger_events ORDER BY seq;

-- name: verify_checkpoints
SELECT symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id,
    wallet, side, margin_mode, funding, opened_json, replaced_json
FROM position_checkpoints
WHERE symbol = :symbol AND wallet = :wallet AND side = :side AND margin_mode = :margin_mode
ORDER BY events;

-- name: verify_position_keys
SELECT symbol, wallet, side, margin_mode FROM stage4_positions
UNION SELECT symbol, wallet, side, margin_mode FROM position_checkpoints;

-- name: verify_position_cycles
-- A position is of the cycle whose commit changed it last.
SELECT p.symbol, p.cycle_id, k.cycle_id
FROM stage4_positions AS p
LEFT JOIN ledger_commits AS k ON k.commit_seq = (
    SELECT max(h.commit_seq) FROM position_history AS h
    WHERE h.symbol = p.symbol AND h.wallet = p.wallet AND h.side = p.side
        AND h.margin_mode = p.margin_mode
)
WHERE p.cycle_id IS NOT k.cycle_id
ORDER BY p.symbol;

-- name: verify_balance_cycles
-- A balance is of the cycle whose commit changed it last, and as that left it.
SELECT b.wallet, b.asset, b.amount, b.cycle_id, h.amount, k.cycle_id
FROM balances AS b
LEFT JOIN balance_history AS h ON h.wallet = b.wallet AND h.asset = b.asset AND h.commit_seq = (
    SELECT max(commit_seq) FROM balance_history WHERE wallet = b.wallet AND asset = b.asset
)
LEFT JOIN ledger_commits AS k ON k.commit_seq = h.commit_seq
WHERE b.cycle_id IS NOT k.cycle_id OR b.amount IS NOT h.amount
ORDER BY b.wallet, b.asset;

-- name: verify_balance_history
SELECT commit_seq, wallet, asset, amount FROM balance_history ORDER BY commit_seq, wallet, asset;

-- name: verify_pins
-- Each market's first event's commit, or the first that pinned any, whichever is later; and the
-- exchange's id of the market that the event has.
SELECT e.symbol, f.market_id, max(
    (SELECT min(k.commit_seq) FROM ledger_commits AS k WHERE k.last_seq >= e.first_seq),
    (SELECT min(commit_seq) FROM ledger_commits WHERE version > 1)
) AS commit_seq
FROM (
    SELECT symbol, min(seq) AS first_seq FROM ledger_events WHERE symbol IS NOT NULL GROUP BY symbol
) AS e
JOIN ledger_events AS f ON f.seq = e.first_seq ORDER BY e.symbol;

-- name: verify_formless
-- Commits of schemas whose markets have no form of ids.
SELECT commit_seq FROM ledger_commits WHERE committed_ms < (
    SELECT applied_ms FROM schema_migrations WHERE name LIKE '%\_pins.sql' ESCAPE '\'
);

-- name: verify_markets
SELECT commit_seq, symbol FROM markets ORDER BY commit_seq, symbol;

-- name: verify_assertions
SELECT event_id, actual, holds FROM assertions ORDER BY event_id;

-- name: verify_late_events
SELECT opening_id, scope, event_id FROM late_events ORDER BY opening_id, scope;

-- name: verify_history_keys
SELECT DISTINCT symbol, wallet, side, margin_mode FROM position_history;

-- name: verify_history
SELECT commit_seq, symbol, wallet, side, margin_mode, qty, cost, realized_pnl, fees_json,
    fees_unknown, funding, opened_json, replaced_json
FROM position_history
WHERE symbol = :symbol AND wallet = :wallet AND side = :side AND margin_mode = :margin_mode
ORDER BY commit_seq;

-- name: verify_claims
-- How many claims there are, how many fills, and how many of these have the id that their trade's has,
-- and a claim of their own cycle: where all three are as many, claims and fills are each other's.
SELECT (SELECT count(*) FROM applied_fills), count(*), coalesce(sum(
    a.cycle_id IS e.cycle_id AND e.event_id = 'fill:' || e.exchange_trade_id
), 0)
FROM ledger_events AS e LEFT JOIN applied_fills AS a ON a.fill_id = e.exchange_trade_id
WHERE e.type = 'FILL';

-- name: verify_unclaimed
SELECT e.exchange_trade_id FROM ledger_events AS e
WHERE e.type = 'FILL'
    AND NOT EXISTS (SELECT 1 FROM applied_fills AS a WHERE a.fill_id = e.exchange_trade_id);

-- name: verify_misclaimed
SELECT a.fill_id, a.cycle_id, e.cycle_id
FROM applied_fills AS a LEFT JOIN ledger_events AS e ON e.event_id = 'fill:' || a.fill_id
WHERE a.cycle_id IS NOT e.cycle_id;

-- name: verify_missing_fills
SELECT wanted.value FROM json_each(:fill_ids) AS wanted
WHERE NOT EXISTS (SELECT 1 FROM ledger_events AS e WHERE e.event_id = wanted.value);

-- name: verify_moves
-- Of cycles with nothing to commit, the cursors that are not those of the commit before.
SELECT commit_seq, cycle_id, cursors_json FROM ledger_commits
UNION ALL
SELECT NULL, cycle_id, cursors_json FROM cycles WHERE committed = 'nothing' AND cursors_json IS NOT NULL
ORDER BY cycle_id;

-- name: verify_start
-- From when on a cycle asked for a market; of a replay, the one it replayed.
SELECT start_ms FROM cycle_inputs
WHERE symbol = :symbol AND cycle_id = coalesce(
    (SELECT replay_of FROM cycles WHERE cycle_id = :cycle_id), :cycle_id
);

-- name: verify_cursors
SELECT c.key, c.value_ms, c.start_ms, c.cycle_id,
    (SELECT max(e.ts) FROM ledger_events AS e
        WHERE e.symbol = substr(c.key, 14) AND e.type = 'FILL') AS latest_ms
FROM cursors AS c ORDER BY c.key;

-- name: verify_metrics
SELECT cycle_id, ts_start, ts_end, mode, fills_count, orders_submitted, orders_canceled,
    rejects_count, fill_rate, avg_time_to_fill, slippage_bps_avg, fees_json, pnl_json, meta_json
FROM cycle_metrics ORDER BY cycle_id;

-- name: verify_metrics_missing
SELECT
    (SELECT count(*) FROM ledger_commits AS k
        WHERE NOT EXISTS (SELECT 1 FROM cycle_metrics AS m WHERE m.cycle_id = k.cycle_id))
    + (SELECT count(*) FROM cycles AS c WHERE c.committed = 'nothing'
        AND NOT EXISTS (SELECT 1 FROM cycle_metrics AS m WHERE m.cycle_id = c.cycle_id));

-- ## history: what a console reads, each by key or a bounded number of rows

-- name: history_cache
PRAGMA cache_size = -8192;

-- name: history_version
PRAGMA data_version;

-- name: history_last_cycle
SELECT max(
    coalesce((SELECT max(cycle_id) FROM cycles), 0),
    coalesce((SELECT max(cycle_id) FROM ledger_commits), 0)
);

-- name: history_journal_mode
PRAGMA journal_mode;

-- name: history_bytes
SELECT page_count * page_size, freelist_count * page_size
FROM pragma_page_count, pragma_page_size, pragma_freelist_count;

-- name: growth_last_cycle
SELECT cycle_id, started_ms FROM cycles ORDER BY cycle_id DESC LIMIT 1;

-- name: growth_cycle
SELECT cycle_id, started_ms FROM cycles WHERE cycle_id >= :cycle_id ORDER BY cycle_id LIMIT 1;

-- name: growth_cycles
SELECT * FROM cycles WHERE cycle_id >= :since;

-- name: growth_cycle_metrics
SELECT * FROM cycle_metrics WHERE cycle_id >= :since;

-- name: growth_cycle_inputs
SELECT * FROM cycle_inputs WHERE cycle_id >= :since;

-- name: growth_orders
SELECT * FROM orders WHERE cycle_id >= :since;

-- name: growth_ledger_commits
SELECT * FROM ledger_commits ORDER BY commit_seq DESC LIMIT :sample;

-- name: growth_ledger_events
SELECT * FROM ledger_events ORDER BY seq DESC LIMIT :sample;

-- name: growth_applied_fills
SELECT exchange_trade_id AS fill_id, cycle_id FROM ledger_events ORDER BY seq DESC LIMIT :sample;

-- name: growth_position_history
SELECT h.* FROM stage4_positions AS p CROSS JOIN position_history AS h
    ON h.symbol = p.symbol AND h.wallet = p.wallet AND h.side = p.side
    AND h.margin_mode = p.margin_mode AND h.commit_seq > :after;

-- name: growth_balance_history
SELECT h.* FROM balances AS b CROSS JOIN balance_history AS h
    ON h.wallet = b.wallet AND h.asset = b.asset AND h.commit_seq > :after;

-- name: growth_input_items
SELECT * FROM input_items AS i
WHERE (i.symbol, i.number) IN (
    SELECT symbol, number FROM input_items ORDER BY day DESC LIMIT :sample
);

-- name: growth_items_of_day
SELECT count(*) FROM (SELECT 1 FROM input_items WHERE day = :day LIMIT 100000);

-- name: growth_idle_share
SELECT coalesce(sum(committed IS 'nothing'), 0), count(*) FROM (
    SELECT committed FROM cycles ORDER BY cycle_id DESC LIMIT :sample
);

-- name: history_fills
SELECT count(*) FROM applied_fills;

-- name: history_fills_since
SELECT coalesce(sum(fills_count), 0) FROM ledger_commits WHERE commit_seq > :commit_seq;

-- name: history_counts
-- The orders' first condition is that of
-- the index orders_live, word for word.
SELECT
    (SELECT count(*) FROM conflicts WHERE status = 'open') AS conflicts,
    (SELECT count(*) FROM quarantine WHERE status = 'open') AS quarantine_open,
    (SELECT count(*) FROM orders
        WHERE status IN ('intended', 'unknown', 'open') AND status <> 'open') AS orders_unknown,
    (SELECT count(*) FROM orders
        WHERE status IN ('intended', 'unknown', 'open') AND status = 'open') AS orders_open;

-- name: history_cursors
SELECT u.key, u.value_ms, u.start_ms, u.cycle_id AS moved_cycle_id,
    coalesce(c.started_ms, k.committed_ms) AS moved_ms
FROM cursors AS u
LEFT JOIN cycles AS c ON c.cycle_id = u.cycle_id
LEFT JOIN ledger_commits AS k ON k.cycle_id = u.cycle_id
ORDER BY u.key;

-- name: history_recent
SELECT status, marks_json, errors_json, warnings_json FROM cycles ORDER BY cycle_id DESC LIMIT :limit;

-- name: history_cycles
-- A row that says `running` of another cycle than the one that may still run was left behind.
SELECT * FROM (
    SELECT c.cycle_id, c.kind, CASE
            WHEN c.status <> 'running' OR c.cycle_id = :running THEN c.status
            WHEN k.commit_seq IS NULL THEN 'interrupted' ELSE 'partial'
        END AS status,
        c.replay_of, c.verdict, c.mode, c.started_ms, c.venue_ms,
        coalesce(c.ended_ms, k.committed_ms, c.started_ms) AS ended_ms,
        k.commit_seq IS NULL AND c.committed IS 'nothing' AS nothing_to_commit,
        c.marks_json, c.timings_json,
        iif(c.status = 'running' AND c.cycle_id <> :running, :unrecorded, c.errors_json)
            AS errors_json,
        c.warnings_json, k.commit_seq, coalesce(k.attempted, c.attempted) AS ledger_events_attempted,
        coalesce(k.inserted, c.inserted) AS ledger_events_inserted,
        coalesce(k.ignored, c.ignored) AS ledger_events_ignored,
        coalesce(k.conflicting, c.conflicting) AS ledger_events_conflicting,
        coalesce(k.fills_fetched, c.fills_fetched) AS fills_fetched,
        coalesce(k.fills_count, c.fills_count) AS fills_count,
        coalesce(k.cursors_json, c.cursors_json, p.cursors_json, '{}') AS cursors_json,
        coalesce(k.positions_digest, p.positions_digest) AS positions_digest,
        m.cycle_id IS NOT NULL AS metrics_persisted,
        iif(m.orders_submitted > 0, m.fill_rate, NULL) AS fills_per_submitted_order,
        m.avg_time_to_fill, m.slippage_bps_avg
    FROM cycles AS c
    LEFT JOIN ledger_commits AS k ON k.cycle_id = c.cycle_id
    LEFT JOIN ledger_commits AS p ON k.commit_seq IS NULL AND c.committed = 'nothing'
        AND p.cycle_id = (SELECT max(cycle_id) FROM ledger_commits WHERE cycle_id < c.cycle_id)
    LEFT JOIN cycle_metrics AS m ON m.cycle_id = c.cycle_id
)
WHERE cycle_id >= :first AND cycle_id < :before
    AND kind IN (SELECT value FROM json_each(:kinds))
    AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
    AND (status <> 'running' OR :with_running)
    AND (NOT :trouble OR errors_json <> '[]' OR warnings_json <> '[]'
        OR ledger_events_conflicting > 0 OR commit_seq IS NULL AND NOT nothing_to_commit)
    AND (:text = ''
        OR errors_json <> '[]' AND EXISTS (
            SELECT 1 FROM json_tree(errors_json) AS e
            WHERE instr(lower(e.atom), lower(:text)) > 0
        )
        OR warnings_json <> '[]' AND EXISTS (
            SELECT 1 FROM json_tree(warnings_json) AS w
            WHERE instr(lower(w.atom), lower(:text)) > 0
        ))
ORDER BY cycle_id DESC LIMIT :limit;

-- name: history_unrecorded
-- Commits whose cycle's own row is missing, as cycles.
SELECT k.cycle_id, iif(k.decision_json IS NULL, 'live', 'decision') AS kind, 'partial' AS status, NULL AS replay_of, NULL AS verdict,
    coalesce(m.mode, 'unknown') AS mode, coalesce(m.ts_start, k.committed_ms) AS started_ms,
    k.committed_ms AS venue_ms, coalesce(m.ts_end, k.committed_ms) AS ended_ms,
    0 AS nothing_to_commit, '{}' AS marks_json, '{}' AS timings_json, :unrecorded AS errors_json, '[]' AS warnings_json,
    k.commit_seq, k.attempted AS ledger_events_attempted, k.inserted AS ledger_events_inserted,
    k.ignored AS ledger_events_ignored, k.conflicting AS ledger_events_conflicting,
    k.fills_fetched, k.fills_count, k.cursors_json, k.positions_digest,
    m.cycle_id IS NOT NULL AS metrics_persisted,
    iif(m.orders_submitted > 0, m.fill_rate, NULL) AS fills_per_submitted_order,
    m.avg_time_to_fill, m.slippage_bps_avg
FROM ledger_commits AS k
LEFT JOIN cycle_metrics AS m ON m.cycle_id = k.cycle_id
WHERE k.cycle_id >= :first AND k.cycle_id < :before
    AND NOT EXISTS (SELECT 1 FROM cycles AS c WHERE c.cycle_id = k.cycle_id)
ORDER BY k.cycle_id DESC LIMIT :limit;

-- name: history_commit_before
SELECT commit_seq FROM ledger_commits WHERE cycle_id < :cycle_id ORDER BY cycle_id DESC LIMIT 1;

-- name: cursor_keys
SELECT key FROM cursors;

-- name: history_moves
SELECT cursors_json FROM ledger_commits WHERE commit_seq <= :seq ORDER BY commit_seq DESC
LIMIT :limit;

-- name: history_corrections
-- What a cycle applied; or was given, where it could not record that, and a later one did.
SELECT id, symbol, raw, reason, cycle_id, status, replacement, applied_cycle_id, note, decided_seq
FROM quarantine
WHERE applied_cycle_id = :cycle_id
    OR status = 'replaced' AND resolved_cycle_id < :cycle_id
    AND (applied_cycle_id IS NULL OR applied_cycle_id > :cycle_id)
ORDER BY id;

-- name: history_orders
SELECT client_order_id, symbol, side, qty, price, decision_price, status, reason, submit_outcome,
    exchange_order_id, canceled_cycle_id IS :cycle_id AS canceled
FROM orders WHERE cycle_id = :cycle_id OR canceled_cycle_id = :cycle_id
ORDER BY rowid;

-- name: cycle_edge
SELECT edge FROM cycles WHERE cycle_id = :cycle_id;

-- name: history_money
SELECT fees_json, pnl_json FROM cycle_metrics WHERE cycle_id = :cycle_id;

-- name: history_replays
SELECT cycle_id FROM cycles WHERE cycle_id > :cycle_id AND replay_of = :cycle_id ORDER BY cycle_id;

-- name: history_met
-- What the ledger has, of cycles before one, under the ids of some events and fills.
SELECT e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version, e.cycle_id
FROM json_each(:event_ids) AS wanted
CROSS JOIN ledger_events AS e ON e.event_id = wanted.value
WHERE e.cycle_id < :before
UNION
SELECT e.event_id, e.ts, e.symbol, e.type, e.side, e.qty, e.price, e.fee, e.fee_currency,
    e.exchange_trade_id, e.exchange_order_id, e.client_order_id, e.meta_json, e.hash,
    e.wallet, e.market_id, e.position_side, e.margin_mode, e.contract_size, e.asset, e.amount,
    e.group_id, e.cause, e.source, e.source_seq, e.stated_balance, e.version, e.cycle_id
FROM json_each(:trade_ids) AS wanted
CROSS JOIN ledger_events AS e
    ON e.event_id >= 'fee:' || wanted.value || ':' AND e.event_id < 'fee:' || wanted.value || ';'
WHERE e.cycle_id < :before;

-- name: history_holders
SELECT e.event_id, e.hash, e.cycle_id
FROM json_each(:event_ids) AS wanted CROSS JOIN ledger_events AS e ON e.event_id = wanted.value;

-- name: history_quarantined
-- The item as it is kept of its market; else of any.
SELECT id, status FROM quarantine WHERE digest IN (:in_market, :of_any)
ORDER BY symbol = :symbol DESC LIMIT 1;

-- name: history_commit
SELECT commit_seq, first_seq, last_seq FROM ledger_commits WHERE cycle_id = :cycle_id;

-- name: last_seq_of
SELECT coalesce((
    SELECT last_seq FROM ledger_commits WHERE commit_seq <= :commit_seq AND last_seq IS NOT NULL
    ORDER BY commit_seq DESC LIMIT 1
), 0);

-- name: history_idle_run
SELECT first, last FROM idle_runs WHERE last = (SELECT min(last) FROM idle_runs WHERE last >= :cycle_id)
    AND first <= :cycle_id;

-- name: history_idle_runs
SELECT first, last, first_ms, last_ms FROM idle_runs WHERE last >= :since ORDER BY last LIMIT :limit;

-- name: history_position
-- What the last commit by then that changed a symbol left, and the last event by that commit.
SELECT h.symbol, h.qty, h.cost, h.realized_pnl, h.fees_json, 0, 0, '', '',
    h.wallet, h.side, h.margin_mode, h.fees_unknown, h.funding, h.opened_json, h.replaced_json,
    coalesce(
    (SELECT k.last_seq FROM ledger_commits AS k WHERE k.commit_seq = h.commit_seq),
    (SELECT k.last_seq FROM ledger_commits AS k
        WHERE k.commit_seq < h.commit_seq AND k.last_seq IS NOT NULL
        ORDER BY k.commit_seq DESC LIMIT 1),
    0
) AS last_seq
FROM position_history AS h
WHERE h.symbol = :symbol AND h.wallet = :wallet AND h.side = :side
    AND h.margin_mode = :margin_mode AND h.commit_seq <= :commit_seq
ORDER BY h.commit_seq DESC LIMIT 1;

-- name: history_span
-- A plus keeps a condition from choosing the index: the rows' numbers are the shorter way.
SELECT count(*), min(ts) FROM ledger_events WHERE seq BETWEEN :first_seq AND :last_seq AND +symbol IN (SELECT value FROM json_each(:symbols))
    AND coalesce(wallet, 'main') = :wallet
    AND coalesce(position_side, 'net') = :side AND coalesce(margin_mode, :usual_mode) = :margin_mode;

-- name: history_events_at
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version
FROM ledger_events WHERE symbol IN (SELECT value FROM json_each(:symbols)) AND ts = :ts AND seq BETWEEN :first_seq AND :last_seq
    AND coalesce(wallet, 'main') = :wallet
    AND coalesce(position_side, 'net') = :side AND coalesce(margin_mode, :usual_mode) = :margin_mode;

-- name: history_later
SELECT 1 FROM ledger_events WHERE symbol IN (SELECT value FROM json_each(:symbols)) AND ts > :ts AND seq < :first_seq
    AND coalesce(wallet, 'main') = :wallet
    AND coalesce(position_side, 'net') = :side AND coalesce(margin_mode, :usual_mode) = :margin_mode LIMIT 1;

-- ## retracing: a ledger in memory, to which a cycle's fills are appended once more

-- name: decisions_before
SELECT decision_json FROM ledger_commits
WHERE decision_json IS NOT NULL AND commit_seq < :commit_seq ORDER BY commit_seq;

-- name: history_disputes
-- What earlier cycles kept under some ids, and of markets that may be one, undecided.
SELECT id, event_id, cycle_id, fields_json, reported_json, reported_hash, source_id, symbol, ts, kind,
    iif(status = 'superseded', status, 'open'), NULL, NULL
FROM conflicts
WHERE cycle_id < :before
    AND (kind = 'relabelled' OR source_id IN (SELECT value FROM json_each(:trade_ids)))
ORDER BY id;

-- name: history_markets
SELECT symbol, kind, base, quote, money, rules, market_id, id_form, contract_size, alias_of, commit_seq
FROM markets;

-- name: retrace_dispute
INSERT INTO conflicts (
    id, event_id, cycle_id, fields_json, reported_json, reported_hash, source_id, symbol, ts, kind,
    status, booked_as, decided_seq
) VALUES (
    :id, :event_id, :cycle_id, :fields_json, :reported_json, :reported_hash, :source_id, :symbol, :ts,
    :kind, :status, :booked_as, :decided_seq
);

-- name: retrace_market
INSERT INTO markets (
    symbol, kind, base, quote, money, rules, market_id, id_form, contract_size, alias_of, commit_seq
) VALUES (
    :symbol, :kind, :base, :quote, :money, :rules, :market_id, :id_form, :contract_size, :alias_of,
    :commit_seq
);

-- name: retrace_events
SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
    exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash,
    wallet, market_id, position_side, margin_mode, contract_size, asset, amount, group_id, cause,
    source, source_seq, stated_balance, version, cycle_id
FROM ledger_events;
