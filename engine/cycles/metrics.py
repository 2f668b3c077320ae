"""Metrics of a cycle: a function of what TX 1 and the orders left in the database.

Built after execution, and again by a backfill: the same function on the same rows.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from engine.errors import NoSuchCycle
from engine.ledger.accounting import ZERO, Position, PositionKey, money_json, read_money_json
from engine.ledger.events import FILL, Event
from engine.ledger.markets import Market
from engine.ledger.positions import Positions
from engine.money import EXACT, canonical
from engine.store.tx import Tx

SEMANTICS = "fills_per_submitted_order"
# Of a cycle in one quote currency they are the values alone, and `meta_json` does not say it.
WEIGHTS_OF_SEVERAL_QUOTES = "value_within_quote_currency_fills_across"


@dataclass(frozen=True, slots=True)
class CycleMetrics:
    """One row of `cycle_metrics`.

    Times in UTC milliseconds; `avg_time_to_fill` in seconds; `slippage_bps_avg` in hundredths of
    a percent, positive is a cost. Money is strings inside the JSON columns. `fill_rate` is
    fills_count / orders_submitted, 0.0 without orders (`meta_json` then has null).
    """

    cycle_id: int
    ts_start: int
    ts_end: int
    mode: str
    fills_count: int
    orders_submitted: int
    orders_canceled: int
    rejects_count: int
    fill_rate: float
    avg_time_to_fill: float | None
    slippage_bps_avg: float | None
    fees_json: str
    pnl_json: str
    meta_json: str

    @property
    def fills_per_submitted_order(self) -> float | None:
        return self.fill_rate if self.orders_submitted else None


@dataclass(frozen=True, slots=True)
class FilledOrder:
    """The order of a fill, as far as the ledger has it. `submitted_ms` is the venue's time."""

    decision_price: Decimal | None
    submitted_ms: int | None


def persist(tx: Tx, cycle_id: int, ts_end: int | None = None) -> CycleMetrics:
    """Build the metrics of a committed cycle and upsert their row. Raises `NoSuchCycle`.

    `ts_end` is when the cycle ended; a backfill takes what is stored of it.
    """
    metrics = build(tx, cycle_id, ts_end)
    tx.run("metrics_upsert", **asdict(metrics))
    return metrics


def missing(tx: Tx, recent: int | None = None) -> list[int]:
    """Committed cycles without a metrics row, of the `recent` last ones or of all."""
    after = after_cycle = 0
    if recent is not None:
        after = (tx.value("commit_last") or 0) - recent
        after_cycle = tx.value("cycle_last_id") - recent
    return tx.column("metrics_missing", after=after, after_cycle=after_cycle)


def build(tx: Tx, cycle_id: int, ts_end: int | None = None) -> CycleMetrics:
    commit = tx.record("commit_of_cycle", cycle_id=cycle_id) or tx.record(
        "nothing_committed", cycle_id=cycle_id
    )
    if commit is None:
        raise NoSuchCycle(f"cycle {cycle_id} committed nothing")
    cycle = tx.record("cycle_read", cycle_id=cycle_id) or {}
    events = _events(tx, commit)
    fills = [event for event in events if event.type == FILL]
    marks = read_money_json(cycle.get("marks_json", "{}"))
    [(submitted, canceled, rejects, refused)] = tx.rows("orders_counted", cycle_id=cycle_id)
    quality = _quality(fills, _orders_of(tx, fills), marks)
    rate = len(fills) / submitted if submitted else None
    return CycleMetrics(
        cycle_id=cycle_id,
        ts_start=cycle.get("started_ms", commit["committed_ms"]),
        ts_end=ts_end or cycle.get("ended_ms") or commit["committed_ms"],
        mode=cycle.get("mode", "unknown"),
        fills_count=len(fills),
        orders_submitted=submitted,
        orders_canceled=canceled,
        rejects_count=rejects,
        fill_rate=rate or 0.0,
        avg_time_to_fill=quality.time_to_fill,
        slippage_bps_avg=quality.slippage,
        fees_json=money_json(fees_of(events)),
        pnl_json=_compact(_pnl_changed_by(tx, commit["commit_seq"], marks)),
        meta_json=_compact(_meta(commit, rate, refused, quality)),
    )


def _meta(
    commit: Mapping[str, Any], rate: float | None, refused: int, quality: "_Quality"
) -> dict[str, Any]:
    """Figures of nothing are left out, but for those of the cycle as a whole."""
    meta = {
        "fill_rate_semantics": SEMANTICS,
        SEMANTICS: rate,
        "ledger_events_attempted": commit["attempted"],
        "ledger_events_inserted": commit["inserted"],
        "ledger_events_ignored": commit["ignored"],
        "ledger_events_conflicting": commit["conflicting"],
        "fills_fetched": commit["fills_fetched"],
    }
    rest = {
        "orders_refused": refused,
        "slippage_reference": quality.references if any(quality.references.values()) else None,
        "symbols": quality.by_symbol,
        "slippage_weights": WEIGHTS_OF_SEVERAL_QUOTES if quality.several_quotes else None,
    }
    return meta | {name: value for name, value in rest.items() if value}


def _pnl_changed_by(
    tx: Tx, commit_seq: int | None, marks: Mapping[str, Decimal]
) -> dict[str, dict[str, str | None]]:
    """The PnL of the positions that a commit changed."""
    keys = set(tx.typed(PositionKey, "positions_changed", commit_seq=commit_seq))
    if commit_seq is None or not keys:
        return {}
    positions = Positions(tx).as_of(commit_seq)
    return pnl_of({name: p for name, p in positions.items() if p.key in keys}, marks)


def pnl_after(tx: Tx, cycle_id: int) -> dict[str, dict[str, str | None]]:
    """The PnL of all positions after a committed cycle, at its marks."""
    cycle = tx.record("cycle_read", cycle_id=cycle_id) or {}
    commit = tx.record("commit_of_cycle", cycle_id=cycle_id) or {"commit_seq": 0}
    marks = read_money_json(cycle.get("marks_json", "{}"))
    return pnl_of(Positions(tx).as_of(commit["commit_seq"]), marks)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def fees_of(events: Iterable[Event]) -> dict[str, Decimal]:
    """Fees by currency, each in its own, none converted."""
    fees: dict[str, Decimal] = {}
    for event in events:
        if event.fee_currency is not None and event.fee not in (None, "0"):
            total = fees.get(event.fee_currency, ZERO)
            fees[event.fee_currency] = EXACT.add(total, Decimal(event.fee or 0))
    return fees


def pnl_of(
    positions: Mapping[str, Position], marks: Mapping[str, Decimal]
) -> dict[str, dict[str, str | None]]:
    """Realized, net of fees, and unrealized PnL by position, in units of its market's money."""
    return {name: _pnl(p, marks.get(p.symbol)) for name, p in positions.items()}


def _pnl(position: Position, mark: Decimal | None) -> dict[str, str | None]:
    gain = None if mark is None else position.unrealized(mark)
    funding = {"funding": canonical(position.funding)} if position.funding else {}
    return funding | {
        "realized": canonical(position.realized_pnl),
        "net": None if position.fees_unknown else canonical(position.net),
        "unrealized": None if gain is None else canonical(gain),
    }


@dataclass(frozen=True, slots=True)
class _Quality:
    slippage: float | None
    time_to_fill: float | None
    references: dict[str, int]
    several_quotes: bool
    by_symbol: dict[str, dict[str, float | int | None]]


def _quality(
    fills: Iterable[Event],
    orders: Mapping[str, FilledOrder],
    marks: Mapping[str, Decimal],
) -> _Quality:
    """Slippage and time to fill: by symbol weighted by quantity, across symbols by value, across
    quote currencies by number of fills.

    (Quantities of different assets do not add up, nor do values in different currencies.)
    """
    slips: dict[str, list[tuple[float, float]]] = defaultdict(list)
    waits: dict[str, list[tuple[float, float]]] = defaultdict(list)
    values: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    references = {"decision_price": 0, "mark": 0, "none": 0}
    for fill in fills:
        symbol = fill.symbol or ""
        qty, price = Decimal(fill.qty or 0), Decimal(fill.price or 0)
        counts[symbol] += 1
        values[symbol] += float(_value_in_quote(fill, qty, price))
        order = orders.get(fill.event_id)
        reference, source = _reference(order, marks.get(symbol))
        references[source] += 1
        if reference:
            worse = price - reference if fill.side == "buy" else reference - price
            slips[symbol].append((float(qty), float(worse / reference) * 10_000))
        if order and order.submitted_ms is not None:
            waits[symbol].append((float(qty), (fill.ts - order.submitted_ms) / 1_000))
    slip = {symbol: _average(pairs) or 0.0 for symbol, pairs in slips.items()}
    wait = {symbol: _average(pairs) or 0.0 for symbol, pairs in waits.items()}
    return _Quality(
        slippage=_across(slip, values, counts),
        time_to_fill=_across(wait, values, counts),
        references=references,
        several_quotes=len({Market.by_spot_rules(symbol).quote for symbol in counts}) > 1,
        by_symbol={
            symbol: {
                "fills_count": counts[symbol],
                "slippage_bps_avg": slip.get(symbol),
                "avg_time_to_fill": wait.get(symbol),
            }
            for symbol in sorted(counts)
        },
    )


def _value_in_quote(fill: Event, qty: Decimal, price: Decimal) -> Decimal:
    """The value of a fill in quote units, in which inverse contracts are counted already."""
    qty = EXACT.multiply(qty, Decimal(fill.contract_size or 1))
    is_inverse = fill.contract_size and Market.of(fill.symbol).is_inverse
    return qty if is_inverse else EXACT.multiply(qty, price)


def _across(
    figures: Mapping[str, float], values: Mapping[str, float], counts: Mapping[str, int]
) -> float | None:
    """The average of symbols' figures: by value in a quote currency, of several by their fills."""
    quotes: dict[str, list[str]] = defaultdict(list)
    for symbol in figures:
        quotes[Market.by_spot_rules(symbol).quote].append(symbol)
    averages = [
        (
            float(sum(counts[symbol] for symbol in symbols)),
            _average([(values[symbol], figures[symbol]) for symbol in symbols]) or 0.0,
        )
        for symbols in quotes.values()
    ]
    return averages[0][1] if len(averages) == 1 else _average(averages)


def _reference(order: FilledOrder | None, mark: Decimal | None) -> tuple[Decimal | None, str]:
    if order and order.decision_price is not None:
        return order.decision_price, "decision_price"
    return mark, "none" if mark is None else "mark"


def _average(pairs: Iterable[tuple[float, float]]) -> float | None:
    pairs = list(pairs)
    weight = sum(weight for weight, _ in pairs)
    if not pairs:
        return None
    if not weight:
        return sum(value for _, value in pairs) / len(pairs)
    return sum(weight * value for weight, value in pairs) / weight


def _events(tx: Tx, commit: Mapping[str, Any]) -> list[Event]:
    if commit["first_seq"] is None:
        return []
    first_seq, last_seq = commit["first_seq"], commit["last_seq"]
    return tx.typed(Event, "events_between", first_seq=first_seq, last_seq=last_seq)


def _orders_of(tx: Tx, fills: Iterable[Event]) -> dict[str, FilledOrder]:
    """The orders of ours that fills belong to, by the fill's event id."""
    fills = list(fills)
    by_client: dict[str, FilledOrder] = {}
    by_exchange: dict[str, FilledOrder] = {}
    for name, ids in (
        ("orders_by_client_id", {fill.client_order_id for fill in fills}),
        ("orders_by_exchange_id", {fill.exchange_order_id for fill in fills}),
    ):
        for client_id, exchange_id, price, ms in tx.rows(
            name, ids=json.dumps(sorted(filter(None, ids)))
        ):
            order = FilledOrder(Decimal(price) if price is not None else None, ms)
            by_client[client_id] = order
            by_exchange[exchange_id] = order
    orders = {
        fill.event_id: by_client.get(fill.client_order_id or "")
        or by_exchange.get(fill.exchange_order_id or "")
        for fill in fills
    }
    return {event_id: order for event_id, order in orders.items() if order is not None}
