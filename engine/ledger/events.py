"""Ledger events: those that a fill becomes, and the order in which they are folded."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from engine.ledger.fills import Fill
from engine.money import canonical

FILL = "FILL"
FEE = "FEE"


class Event(NamedTuple):
    """One row of `ledger_events`, but for its number and the cycle that inserted it.

    Money is canonical text. A FILL has side, qty and price; a FEE has fee and fee_currency.
    `hash` is the digest of everything before it.
    """

    event_id: str
    ts: int
    symbol: str
    type: str
    side: str | None
    qty: str | None
    price: str | None
    fee: str | None
    fee_currency: str | None
    exchange_trade_id: str
    exchange_order_id: str | None
    client_order_id: str | None
    meta_json: str
    hash: bytes

    @property
    def trade_id(self) -> str:
        if self.type == FILL:
            return self.exchange_trade_id
        return self.exchange_trade_id.removeprefix("fee:")

    @property
    def place(self) -> "SortKey":
        """Where the event stands in its symbol's fold."""
        return sort_key(self.ts, self.symbol, self.trade_id, self.event_id)

    @property
    def fields(self) -> dict[str, Any]:
        """All but the hash, by name."""
        return dict(zip(self._fields[:-1], self[:-1], strict=True))

    @property
    def content_hash(self) -> bytes:
        """The digest that `hash` must be."""
        return _digest("\x1f".join("" if value is None else str(value) for value in self[:-1]))

    def contradicted_by(self, reported: "Event") -> dict[str, tuple[Any, Any]]:
        """The fields in which a report contradicts this event, each with both values.

        An id, a liquidity or a fee that one of the two lacks is no contradiction.
        """
        pairs = {
            name: (getattr(self, name), getattr(reported, name))
            for name in MONEY_FIELDS + LATER_FIELDS
        }
        contradictions = {
            name: (before, now)
            for name, (before, now) in pairs.items()
            if before != now and (name in MONEY_FIELDS or None not in (before, now))
        }
        before, now = (json.loads(event.meta_json).get("liquidity") for event in (self, reported))
        if {before, now} == {"maker", "taker"}:
            contradictions["liquidity"] = (before, now)
        return contradictions


# What an exchange may not change of a fill that it has reported; the rest it may still fill in.
MONEY_FIELDS = (
    "ts", "symbol", "type", "side", "qty", "price", "fee", "fee_currency", "exchange_trade_id",
)  # fmt: skip
LATER_FIELDS = ("exchange_order_id", "client_order_id")

# Copying an empty digest is faster than making one.
_EMPTY = blake2b(digest_size=16)

SortKey = tuple[int, tuple[int, int, str], int, str]


def events_of(fill: Fill) -> list[Event]:
    """The events of one fill: the FILL, then one FEE a currency charged.

    `fill:{trade_id}`; `fee:{trade_id}`, or `fee:{trade_id}:{currency}` where there are several.
    """
    trade_id = fill.trade_id
    order_id, client_order_id = fill.order_id, fill.client_order_id
    ts, symbol = fill.ts_ms, fill.symbol
    event_id = f"fill:{trade_id}"
    side = fill.side.value
    qty, price = canonical(fill.qty), canonical(fill.price)
    meta = _fill_meta(fill.liquidity, fill.fees_complete, bool(fill.fees))
    text = (
        f"{event_id}\x1f{ts}\x1f{symbol}\x1fFILL\x1f{side}\x1f{qty}\x1f{price}\x1f\x1f"
        f"\x1f{trade_id}\x1f{order_id or ''}\x1f{client_order_id or ''}\x1f{meta}"
    )
    events = [
        Event(event_id, ts, symbol, FILL, side, qty, price, None, None,
              trade_id, order_id, client_order_id, meta, _digest(text))
    ]  # fmt: skip
    fee_id = f"fee:{trade_id}"
    for fee in fill.fees:
        event_id = fee_id if len(fill.fees) == 1 else f"{fee_id}:{fee.currency}"
        cost = canonical(fee.cost)
        text = (
            f"{event_id}\x1f{ts}\x1f{symbol}\x1fFEE\x1f\x1f\x1f\x1f{cost}\x1f{fee.currency}"
            f"\x1f{fee_id}\x1f{order_id or ''}\x1f{client_order_id or ''}\x1f{{}}"
        )
        events.append(
            Event(event_id, ts, symbol, FEE, None, None, None, cost, fee.currency,
                  fee_id, order_id, client_order_id, "{}", _digest(text))
        )  # fmt: skip
    return events


def sort_key(ts: int, symbol: str, trade_id: str, event_id: str) -> SortKey:
    """Where an event stands in its symbol's fold: time, trade id, FILL before FEE.

    Trade ids are compared as the exchange numbered them, without the market that qualifies them;
    numbers come before other ids, in numeric order.
    """
    number = trade_id.removeprefix(f"{symbol}:")
    by_id = (0, int(number), "") if number.isascii() and number.isdigit() else (1, 0, number)
    return ts, by_id, 0 if event_id.startswith("fill:") else 1, event_id


def in_fold_order(by_time: Iterable[Event]) -> Iterator[Event]:
    """Events given in time order, in fold order: those of one millisecond are sorted."""
    for _, same_ms in groupby(by_time, key=attrgetter("ts")):
        group = list(same_ms)
        if len(group) > 1 and not _is_fill_and_its_fee(group):
            group.sort(key=attrgetter("place"))
        yield from group


def _is_fill_and_its_fee(group: list[Event]) -> bool:
    """The usual case, which needs no sorting. The ids alone do not tell: `fee:1` may be a trade."""
    return (
        len(group) == 2
        and (group[0].type, group[1].type) == (FILL, FEE)
        and group[0].trade_id == group[1].trade_id
    )


@cache
def _fill_meta(liquidity: str | None, fees_complete: bool, has_fees: bool) -> str:
    meta: dict[str, str] = {}
    if liquidity:
        meta["liquidity"] = liquidity
    if not fees_complete:
        meta["fee"] = "unknown"
    elif not has_fees:
        meta["fee"] = "none"
    return json.dumps(meta, separators=(",", ":"))


def _digest(text: str) -> bytes:
    digest = _EMPTY.copy()
    digest.update(text.encode())
    return digest.digest()
