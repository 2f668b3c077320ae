"""Metrics of a cycle: a function of what TX 1 and the orders left in the database.

Built after execution, and again by a backfill: the same function on the same rows.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from engine.errors import NoSuchCycle
from engine.ledger.accounting import ZERO, Position, PositionKey, money_json, read_money_json
from engine.ledger.events import (
    CLIENT_ORDER,
    CONTRACT_SIZE,
    COST,
    CURRENCY,
    EVENT_ID,
    EXCHANGE_ORDER,
    FILL,
    PRICE,
    QTY,
    SIDE,
    SYMBOL,
    TS,
    TYPE,
)
from engine.ledger.markets import Market
from engine.ledger.positions import Positions
from engine.money import EXACT, canonical
from engine.store.tx import Row, Tx

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
    figures = Figures(tx, commit)
    if commit["first_seq"] is not None:
        span = {"first_seq": commit["first_seq"], "last_seq": commit["last_seq"]}
        figures.add(tx.rows("events_between", **span))
    return figures.metrics(ts_end)


class Figures:
    """What the events of one commit add up to, given in parts."""

    def __init__(
        self, tx: Tx, commit: Mapping[str, Any], positions: Positions | None = None
    ) -> None:
        """`positions` are those of the ledger, for who has them already."""
        self._tx = tx
        self._commit = commit
        self._positions = positions
        self._cycle = tx.record("cycle_read", cycle_id=commit["cycle_id"]) or {}
        self._marks = read_money_json(self._cycle.get("marks_json", "{}"))
        self._quality = _Quality(self._marks)
        self._fees: dict[str, Decimal] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Count events, or their rows."""
        fills = []
        for row in rows:
            if row[TYPE] == FILL:
                fills.append(row)
            if row[CURRENCY] is not None and row[COST] not in (None, "0"):
                so_far = self._fees.get(row[CURRENCY], ZERO)
                self._fees[row[CURRENCY]] = EXACT.add(so_far, Decimal(row[COST]))
        self._quality.add(fills, _orders_of(self._tx, fills))

    def metrics(self, ts_end: int | None = None) -> CycleMetrics:
        commit, cycle, quality = self._commit, self._cycle, self._quality
        cycle_id, committed_ms = commit["cycle_id"], commit["committed_ms"]
        [(submitted, canceled, rejects, refused)] = self._tx.rows(
            "orders_counted", cycle_id=cycle_id
        )
        fills_count = sum(quality.counts.values())
        rate = fills_count / submitted if submitted else None
        positions = self._positions or Positions(self._tx)
        pnl = _pnl_changed_by(self._tx, commit["commit_seq"], self._marks, positions)
        return CycleMetrics(
            cycle_id=cycle_id,
            ts_start=cycle.get("started_ms", committed_ms),
            ts_end=ts_end or cycle.get("ended_ms") or committed_ms,
            mode=cycle.get("mode", "unknown"),
            fills_count=fills_count,
            orders_submitted=submitted,
            orders_canceled=canceled,
            rejects_count=rejects,
            fill_rate=rate or 0.0,
            avg_time_to_fill=quality.across(quality.waits),
            slippage_bps_avg=quality.across(quality.slips),
            fees_json=money_json(self._fees),
            pnl_json=_compact(pnl),
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
    tx: Tx, commit_seq: int | None, marks: Mapping[str, Decimal], positions: Positions
) -> dict[str, dict[str, str | None]]:
    """The PnL of the positions that a commit changed."""
    keys = set(tx.typed(PositionKey, "positions_changed", commit_seq=commit_seq))
    if commit_seq is None or not keys:
        return {}
    after = positions.as_of(commit_seq)
    return pnl_of({name: p for name, p in after.items() if p.key in keys}, marks)


def pnl_after(tx: Tx, cycle_id: int) -> dict[str, dict[str, str | None]]:
    """The PnL of all positions after a committed cycle, at its marks."""
    cycle = tx.record("cycle_read", cycle_id=cycle_id) or {}
    commit = tx.record("commit_of_cycle", cycle_id=cycle_id) or {"commit_seq": 0}
    marks = read_money_json(cycle.get("marks_json", "{}"))
    return pnl_of(Positions(tx).as_of(commit["commit_seq"]), marks)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


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


@dataclass(slots=True)
class _Average:
    """An average of values by weight; a plain one where no value has any."""

    count: int = 0
    values: float = 0.0
    weight: float = 0.0
    weighted: float = 0.0

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, float]]) -> "_Average":
        average = cls()
        for weight, value in pairs:
            average.add(weight, value)
        return average

    def add(self, weight: float, value: float) -> None:
        self.count += 1
        self.values += value
        self.weight += weight
        self.weighted += weight * value

    @property
    def value(self) -> float | None:
        """Null of nothing. Zero has no sign."""
        if not self.count:
            return None
        return (self.weighted / self.weight if self.weight else self.values / self.count) or 0.0


class _Quality:
    """Slippage and time to fill: by symbol weighted by quantity, across symbols by value, across
    quote currencies by number of fills.

    (Quantities of different assets do not add up, nor do values in different currencies.)
    """

    def __init__(self, marks: Mapping[str, Decimal]) -> None:
        self._marks = {symbol: (mark, float(mark)) for symbol, mark in marks.items()}
        self.slips: dict[str, _Average] = defaultdict(_Average)
        self.waits: dict[str, _Average] = defaultdict(_Average)
        self.counts: dict[str, int] = defaultdict(int)
        self.references = {"decision_price": 0, "mark": 0, "none": 0}
        self._values: dict[str, float] = defaultdict(float)

    def add(self, fills: Iterable[Row], orders: Mapping[str, FilledOrder]) -> None:
        for fill in fills:
            symbol, qty, price = fill[SYMBOL] or "", float(fill[QTY] or 0), fill[PRICE] or "0"
            self.counts[symbol] += 1
            self._values[symbol] += _value_in_quote(fill, qty, float(price))
            order = orders.get(fill[EVENT_ID]) if orders else None
            reference, as_float, source = self._reference(order, symbol)
            self.references[source] += 1
            if reference:
                # Prices are close to each other: their difference is taken before it is a float.
                dearer = float(EXACT.subtract(Decimal(price), reference)) / as_float
                slip = dearer if fill[SIDE] == "buy" else -dearer
                self.slips[symbol].add(qty, slip * 10_000)
            if order and order.submitted_ms is not None:
                self.waits[symbol].add(qty, (fill[TS] - order.submitted_ms) / 1_000)

    def _reference(
        self, order: FilledOrder | None, symbol: str
    ) -> tuple[Decimal | None, float, str]:
        """The price that a fill is compared with, exact and not, and where it is from."""
        if order and order.decision_price is not None:
            return order.decision_price, float(order.decision_price), "decision_price"
        if symbol in self._marks:
            return *self._marks[symbol], "mark"
        return None, 0.0, "none"

    @property
    def several_quotes(self) -> bool:
        return len({Market.by_spot_rules(symbol).quote for symbol in self.counts}) > 1

    @property
    def by_symbol(self) -> dict[str, dict[str, float | int | None]]:
        return {
            symbol: {
                "fills_count": self.counts[symbol],
                "slippage_bps_avg": self.slips[symbol].value,
                "avg_time_to_fill": self.waits[symbol].value,
            }
            for symbol in sorted(self.counts)
        }

    def across(self, averages: Mapping[str, _Average]) -> float | None:
        """The average of symbols' figures: by value in a quote currency, of several by their
        fills."""
        quotes: dict[str, list[str]] = defaultdict(list)
        for symbol, average in averages.items():
            if average.count:
                quotes[Market.by_spot_rules(symbol).quote].append(symbol)
        of_quotes = [
            (
                float(sum(self.counts[symbol] for symbol in symbols)),
                _Average.of((self._values[s], averages[s].value or 0.0) for s in symbols).value
                or 0.0,
            )
            for symbols in quotes.values()
        ]
        return of_quotes[0][1] if len(of_quotes) == 1 else _Average.of(of_quotes).value


def _value_in_quote(fill: Row, qty: float, price: float) -> float:
    """The value of a fill in quote units, in which inverse contracts are counted already."""
    size = fill[CONTRACT_SIZE]
    if size is None:
        return qty * price
    return qty * float(size) * (1 if Market.of(fill[SYMBOL]).is_inverse else price)


def _orders_of(tx: Tx, fills: Collection[Row]) -> dict[str, FilledOrder]:
    """The orders of ours that fills belong to, by the fill's event id."""
    if tx.value("orders_last_cycle") is None:
        return {}
    by_client: dict[str, FilledOrder] = {}
    by_exchange: dict[str, FilledOrder] = {}
    for name, ids in (
        ("orders_by_client_id", {fill[CLIENT_ORDER] for fill in fills}),
        ("orders_by_exchange_id", {fill[EXCHANGE_ORDER] for fill in fills}),
    ):
        for client_id, exchange_id, price, ms in tx.rows(
            name, ids=json.dumps(sorted(filter(None, ids)))
        ):
            order = FilledOrder(Decimal(price) if price is not None else None, ms)
            by_client[client_id] = order
            by_exchange[exchange_id] = order
    orders = {
        fill[EVENT_ID]: by_client.get(fill[CLIENT_ORDER] or "")
        or by_exchange.get(fill[EXCHANGE_ORDER] or "")
        for fill in fills
    }
    return {event_id: order for event_id, order in orders.items() if order is not None}
