"""Positions: a pure function of the set of a symbol's ledger events. No I/O.

Sort by (time, trade id, FILL before FEE), then fold. Every product and sum is exact; the only
rounding is `money.share`. What is released plus what stays is always what was there.
"""

import json
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from engine.ledger.events import FILL, Event, SortKey, sort_key
from engine.ledger.fills import currencies
from engine.money import EXACT, canonical, share

ZERO = Decimal(0)


@dataclass(slots=True)
class Position:
    """What is held of a symbol's base asset, after `events` events, the last of them `last_…`.

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

    def copy(self) -> "Position":
        twin = copy(self)
        twin.fees = dict(self.fees)
        return twin


def fold(position: Position, events: Iterable[Event]) -> None:
    """Carry `position` on over events of its symbol, given in sort order."""
    base = currencies(position.symbol)[0]
    event = None
    with localcontext(EXACT):
        for event in events:
            position.events += 1
            if event.type == FILL:
                qty = Decimal(event.qty or "")
                value = qty * Decimal(event.price or "")
                _move(position, qty if event.side == "buy" else -qty, value)
            else:
                _charge(position, base, event.fee_currency or "", Decimal(event.fee or ""))
    if event is not None:
        position.last_ts = event.ts
        position.last_trade_id = event.trade_id
        position.last_event_id = event.event_id


def _charge(position: Position, base: str, currency: str, fee: Decimal) -> None:
    position.fees[currency] = position.fees.get(currency, ZERO) + fee
    if currency == base:
        _move(position, -fee, ZERO)


def _move(position: Position, d: Decimal, v: Decimal) -> None:
    """The one rule: an event moves the base by `d` and brings a quote value `v` ≥ 0."""
    held = position.qty
    position.qty = held + d
    if not held or (d > 0) == (held > 0):
        position.cost += v if d > 0 else -v
    elif abs(d) <= abs(held):
        closes = d == -held
        released = position.cost if closes else share(position.cost, abs(d), abs(held))
        position.realized_pnl += (v if held > 0 else -v) - released
        position.cost -= released
    else:
        closing = share(v, abs(held), abs(d))
        position.realized_pnl += (closing if held > 0 else -closing) - position.cost
        opening = v - closing
        position.cost = opening if d > 0 else -opening


def money_json(amounts: Mapping[str, Decimal]) -> str:
    """Amounts by name as JSON with money in strings, the names sorted, zeros left in."""
    return json.dumps({key: canonical(amounts[key]) for key in sorted(amounts)})


def read_money_json(text: str) -> dict[str, Decimal]:
    return {key: Decimal(value) for key, value in json.loads(text).items()}
