"""Positions: a pure function of the set of a symbol's ledger events. No I/O.

Sort by (time, trade id, FILL before FEE), then fold. Every product and sum is exact; the only
rounding is `money.share`. What is released plus what stays is always what was there.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from engine.ledger.events import FEE, FILL, Event, SortKey, sort_key
from engine.ledger.fills import currencies
from engine.money import EXACT, canonical, share

ZERO = Decimal(0)


@dataclass(slots=True)
class Position:
    """The holding of a symbol's base asset after `events` events, the last of them `last_…`.

    `qty` is signed. `cost` is signed like it: what the open quantity was paid, or sold, for, in
    quote units. `realized_pnl` is in quote units, gross of fees charged in other currencies than
    the base. `fees` is by currency.
    """

    symbol: str
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    events: int = 0
    last_ts: int = 0
    last_trade_id: str = ""
    last_event_id: str = ""

    @classmethod
    def of(
        cls, symbol: str, qty: str, cost: str, realized_pnl: str, fees_json: str, *place: Any
    ) -> "Position":
        """The position of a row; of a row of `position_history`, without its place in the fold."""
        fees = read_money_json(fees_json)
        return cls(symbol, Decimal(qty), Decimal(cost), Decimal(realized_pnl), fees, *place)

    @property
    def row(self) -> dict[str, Any]:
        """Its columns in the order that digests have them in."""
        return {
            "symbol": self.symbol,
            "qty": canonical(self.qty),
            "cost": canonical(self.cost),
            "realized_pnl": canonical(self.realized_pnl),
            "fees_json": money_json(self.fees),
            "events": self.events,
            "last_ts": self.last_ts,
            "last_trade_id": self.last_trade_id,
            "last_event_id": self.last_event_id,
        }

    @property
    def last(self) -> SortKey:
        """Where the fold stands: an event that sorts before this is a late one."""
        if not self.events:
            return (-1, (0, 0, ""), 0, "")
        return sort_key(self.last_ts, self.symbol, self.last_trade_id, self.last_event_id)

    @property
    def avg_cost(self) -> Decimal | None:
        """Quote units per base unit of the open quantity, rounded to 18 places for reading."""
        return share(self.cost, Decimal(1), self.qty) if self.qty else None

    @property
    def net(self) -> Decimal:
        """Realized PnL less the fees charged in the quote currency."""
        quote = currencies(self.symbol)[1]
        return EXACT.subtract(self.realized_pnl, self.fees.get(quote, ZERO))

    @property
    def oversold(self) -> bool:
        """More was sold on a spot market than the ledger holds: earlier history is missing."""
        return self.qty < 0 and ":" not in self.symbol

    def unrealized(self, mark: Decimal) -> Decimal:
        """What closing the open quantity at `mark` would realize, in quote units."""
        return EXACT.subtract(EXACT.multiply(self.qty, mark), self.cost)

    def fold(self, events: Iterable[Event]) -> None:
        """Carry the position on over events of its symbol, given in sort order.

        Raises `ValueError` for an event of a type that has no rule.
        """
        base = currencies(self.symbol)[0]
        event = None
        with localcontext(EXACT):
            for event in events:
                self.events += 1
                rule = _RULES.get(event.type)
                if rule is None:
                    raise ValueError(f"{event.event_id}: no rule folds events of {event.type!r}")
                rule(self, event, base)
        if event is not None:
            self.last_ts = event.ts
            self.last_trade_id = event.trade_id
            self.last_event_id = event.event_id

    def _fill(self, event: Event, base: str) -> None:
        qty = Decimal(event.qty or "")
        value = qty * Decimal(event.price or "")
        self._move(qty if event.side == "buy" else -qty, value)

    def _fee(self, event: Event, base: str) -> None:
        currency, fee = event.fee_currency or "", Decimal(event.fee or "")
        self.fees[currency] = self.fees.get(currency, ZERO) + fee
        if currency == base:
            self._move(-fee, ZERO)

    def _move(self, d: Decimal, v: Decimal) -> None:
        """The one rule: an event moves the base by `d` and brings a quote value `v` ≥ 0."""
        qty = self.qty
        self.qty = qty + d
        if not qty or (d > 0) == (qty > 0):
            self.cost += v if d > 0 else -v
        elif abs(d) <= abs(qty):
            closes = d == -qty
            released = self.cost if closes else share(self.cost, abs(d), abs(qty))
            self.realized_pnl += (v if qty > 0 else -v) - released
            self.cost -= released
        else:
            closing = share(v, abs(qty), abs(d))
            self.realized_pnl += (closing if qty > 0 else -closing) - self.cost
            opening = v - closing
            self.cost = opening if d > 0 else -opening


# The rule that folds the events of each type.
_RULES: dict[str, Callable[[Position, Event, str], None]] = {
    FILL: Position._fill,
    FEE: Position._fee,
}


def money_json(amounts: Mapping[str, Decimal]) -> str:
    """Amounts by name as JSON with money in strings, the names sorted, zeros left in."""
    return json.dumps({key: canonical(amounts[key]) for key in sorted(amounts)})


def read_money_json(text: str) -> dict[str, Decimal]:
    return {key: Decimal(value) for key, value in json.loads(text).items()}
