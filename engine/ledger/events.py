"""Ledger events: what one fill becomes in the ledger, and the order they are folded in."""

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


# What an exchange may not change of a fill once said; the rest it may still fill in.
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
    meta = _fill_meta(fill.liquidity, fill.fee_known, bool(fill.fees))
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


def content_hash(event: Event) -> bytes:
    """The digest that `event.hash` must be."""
    return _digest("\x1f".join("" if value is None else str(value) for value in event[:-1]))


def sort_key(ts: int, symbol: str, trade_id: str, event_id: str) -> SortKey:
    """Where an event stands in its symbol's fold: time, trade id, FILL before FEE.

    Trade ids are compared as the exchange numbered them, without the market that qualifies them;
    numbers come before other ids, in numeric order.
    """
    number = trade_id.removeprefix(f"{symbol}:")
    by_id = (0, int(number), "") if number.isascii() and number.isdigit() else (1, 0, number)
    return ts, by_id, 0 if event_id.startswith("fill:") else 1, event_id


def event_key(event: Event) -> SortKey:
    return sort_key(event.ts, event.symbol, event.trade_id, event.event_id)


def in_fold_order(by_time: Iterable[Event]) -> Iterator[Event]:
    """Events given in time order, in fold order: those of one millisecond are sorted."""
    for _, same_ms in groupby(by_time, key=attrgetter("ts")):
        group = list(same_ms)
        if len(group) > 1 and not _is_fill_and_its_fee(group):
            group.sort(key=event_key)
        yield from group


def _is_fill_and_its_fee(group: list[Event]) -> bool:
    """The usual case, which needs no sorting. The ids alone do not tell: `fee:1` may be a trade."""
    return (
        len(group) == 2
        and (group[0].type, group[1].type) == (FILL, FEE)
        and group[0].trade_id == group[1].trade_id
    )


def differences(stored: Event, reported: Event) -> dict[str, tuple[Any, Any]]:
    """The fields in which `reported` contradicts `stored`, with both values.

    An id, a liquidity or a fee that one of the two does not know is no contradiction.
    """
    found = {
        name: (getattr(stored, name), getattr(reported, name))
        for name in MONEY_FIELDS
        if getattr(stored, name) != getattr(reported, name)
    }
    for name in LATER_FIELDS:
        before, now = getattr(stored, name), getattr(reported, name)
        if before is not None and now is not None and before != now:
            found[name] = (before, now)
    before, now = json.loads(stored.meta_json), json.loads(reported.meta_json)
    if {before.get("liquidity"), now.get("liquidity")} == {"maker", "taker"}:
        found["liquidity"] = (before["liquidity"], now["liquidity"])
    return found


@cache
def _fill_meta(liquidity: str | None, fee_known: bool, has_fees: bool) -> str:
    meta: dict[str, str] = {}
    if liquidity:
        meta["liquidity"] = liquidity
    if not fee_known:
        meta["fee"] = "unknown"
    elif not has_fees:
        meta["fee"] = "none"
    return json.dumps(meta, separators=(",", ":"))


def _digest(text: str) -> bytes:
    digest = _EMPTY.copy()
    digest.update(text.encode())
    return digest.digest()
