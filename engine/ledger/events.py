"""Ledger events: those that a fill becomes, and the order in which all are folded."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from engine.ledger.event_types import FEE as FEE
from engine.ledger.event_types import FILL as FILL
from engine.ledger.event_types import OF_TRADES, IdForm, event_type
from engine.ledger.event_types import UNVOID as UNVOID
from engine.ledger.event_types import VOID as VOID
from engine.ledger.fills import Fill, FillDetails
from engine.ledger.markets import Market
from engine.money import canonical
from engine.store.tx import Row

# What the ids of trades begin with that a decision booked: `decision:{commit_seq}:{id}`.
DECISION = "decision:"


class Event(NamedTuple):
    """One row of `ledger_events`, but for its number and the cycle that inserted it.

    Money is canonical text. What an event of a type carries, `event_types` has: a FILL side, qty
    and price, a FEE fee and fee_currency, most others asset and amount. What follows the hash is
    null where nothing but the usual is to be said: the main wallet, the net side, the market's
    margin mode, no contract size. `version` says what the hash covers: 1 what stands before it, 2
    all the rest too.
    """

    event_id: str
    ts: int
    symbol: str | None
    type: str
    side: str | None
    qty: str | None
    price: str | None
    fee: str | None
    fee_currency: str | None
    exchange_trade_id: str | None
    exchange_order_id: str | None
    client_order_id: str | None
    meta_json: str
    hash: bytes
    wallet: str | None = None
    market_id: str | None = None
    position_side: str | None = None
    margin_mode: str | None = None
    contract_size: str | None = None
    asset: str | None = None
    amount: str | None = None
    group_id: str | None = None
    cause: str | None = None
    source: str | None = None
    source_seq: int | None = None
    stated_balance: str | None = None
    version: int = 1

    @property
    def trade_id(self) -> str:
        """The trade that it is of; nothing where it is of none."""
        named = self.exchange_trade_id or ""
        return named.removeprefix("fee:") if self.type == FEE else named

    @property
    def traded_in(self) -> str:
        """The market of a trade's event, which always names one."""
        return self.symbol or ""

    @property
    def source_id(self) -> str:
        """The id that the exchange gave it, or what counts the events of its type."""
        if self.type in OF_TRADES:
            return self.trade_id
        leg = self.leg
        text = self.event_id.removeprefix(f"{self.type.lower()}:")
        if event_type(self.type).id_form is IdForm.SOURCE:
            text = text.removeprefix(f"{self.source}:")
        return text.removesuffix(f":{leg}") if leg else text

    @property
    def id_parts(self) -> dict[str, Any]:
        """The parts that the id of an account event is made of."""
        number = self.source_id
        if event_type(self.type).id_form is IdForm.NUMBER:
            return {"number": int(number) if number.isascii() and number.isdigit() else None}
        return {"source": self.source, "source_id": number, "leg": self.leg}

    @property
    def leg(self) -> str | None:
        """The leg, of several that the source has under one id."""
        leg: str | None = json.loads(self.meta_json).get("leg")
        return leg

    @property
    def reason(self) -> str:
        """Why somebody booked it."""
        return str(json.loads(self.meta_json).get("reason", ""))

    @property
    def fees_unknown(self) -> bool:
        """Whether it is a fill whose report did not name all fees."""
        return self.type == FILL and '"fee":"unknown"' in self.meta_json

    def place(self, market: Market | None) -> "SortKey":
        """The event's place in the fold; its market is null where it names none."""
        return place_of(self, market)

    @property
    def fields(self) -> dict[str, Any]:
        """What the hash covers, by name."""
        names = self._fields[:13] if self.version == 1 else self._fields[:13] + self._fields[14:26]
        return dict(zip(names, self._hashed, strict=True))

    @property
    def _hashed(self) -> tuple[Any, ...]:
        return self[:13] if self.version == 1 else self[:13] + self[14:26]

    @property
    def content_hash(self) -> bytes:
        """The digest that `hash` must be."""
        return _digest("\x1f".join(["" if value is None else str(value) for value in self._hashed]))

    @property
    def is_usual(self) -> bool:
        """Whether it says no more than an event of 0.1.0 could."""
        return self[14:26] == NO_DETAILS

    def belonging_to(self, fill: "Event") -> "Event":
        """The fee as one of a fill's position, whatever its own report said of that."""
        names = ("wallet", "market_id", "position_side", "margin_mode")
        place = {name: getattr(fill, name) for name in names}
        event = self._replace(**place)
        event = event._replace(version=1 if event.is_usual else 2)
        return event._replace(hash=event.content_hash)

    def of_trade(self, trade_id: str) -> "Event":
        """The FILL or FEE as one of another trade."""
        if self.type == FILL:
            event = self._replace(event_id=f"fill:{trade_id}", exchange_trade_id=trade_id)
        else:
            more = self.event_id.removeprefix(self.exchange_trade_id or "")
            fee_id = f"fee:{trade_id}"
            event = self._replace(event_id=f"{fee_id}{more}", exchange_trade_id=fee_id)
        return event._replace(hash=event.content_hash)

    def renamed(self, event_id: str) -> "Event":
        event = self._replace(event_id=event_id)
        return event._replace(hash=event.content_hash)

    def naming_all_fees(self) -> "Event":
        """The fee as an event that says that there are no other ones to come."""
        event = self._replace(meta_json=ALL_FEES)
        return event._replace(hash=event.content_hash)

    def contradicted_by(self, reported: "Event") -> dict[str, tuple[Any, Any]]:
        """The fields in which a report contradicts this event, each with both values.

        What one of the two lacks of ids, liquidity, fees and details is no contradiction.
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


# An event is the row that it is stored as, and where many are read, their rows do: they are as an
# event is, and may have more columns behind.
EVENT_ID, TS, SYMBOL, TYPE, SIDE, QTY, PRICE, COST, CURRENCY, TRADE = range(10)
(
    EXCHANGE_ORDER,
    CLIENT_ORDER,
    META,
    HASH,
    WALLET,
    _MARKET_ID,
    POSITION_SIDE,
    MARGIN_MODE,
    CONTRACT_SIZE,
) = range(10, 19)
ASSET, AMOUNT, EVENT_VERSION = 19, 20, 26

# What 0.1.0 had of an event's fields, the hash the last of them; those after it but the version.
BASIC = 14
NO_DETAILS: tuple[Any, ...] = (None,) * 12

# What an exchange may not change of a fill that it has reported; the rest it may still fill in.
MONEY_FIELDS = (
    "ts", "symbol", "type", "side", "qty", "price", "fee", "fee_currency", "exchange_trade_id",
)  # fmt: skip
LATER_FIELDS = (
    "exchange_order_id", "client_order_id", "wallet", "market_id", "position_side", "margin_mode",
    "contract_size",
)  # fmt: skip

ALL_FEES = '{"fees":"all"}'

_DECIDED = re.compile(r"decision:\d+:")

# Copying an empty digest is faster than making one.
_EMPTY = blake2b(digest_size=16)

E = TypeVar("E", bound=Row)
SortKey = tuple[int, tuple[int, int, str], int, str]
# Of what a trade brings, its decisions come first, then its fill, then its fees; the rest follows.
RANKS = {"void": 0, "unvoid": 0, "fill": 1, "fee": 2}


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
    orders = f"{order_id or ''}\x1f{client_order_id or ''}"
    text = (
        f"{event_id}\x1f{ts}\x1f{symbol}\x1fFILL\x1f{side}\x1f{qty}\x1f{price}\x1f\x1f"
        f"\x1f{trade_id}\x1f{orders}\x1f{meta}"
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
            f"\x1f{fee_id}\x1f{orders}\x1f{{}}"
        )
        events.append(
            Event(event_id, ts, symbol, FEE, None, None, None, cost, fee.currency,
                  fee_id, order_id, client_order_id, "{}", _digest(text))
        )  # fmt: skip
    if fill.details is None:
        return events
    return [_detailed(event, fill.details) for event in events]


def _detailed(event: Event, details: FillDetails) -> Event:
    """The event as version 2 has it. A fee is of its fill's position, and has no size."""
    if event.type == FEE:
        details = details._replace(contract_size=None, cause=None)
    event = event._replace(**details._asdict(), version=2)
    return event._replace(hash=event.content_hash)


def no_fee(fill: Event, *, taken: bool) -> Event:
    """A fee of nothing, which says that a fill's fees are all named: in the market's money, or in
    `-` where the fill has fees."""
    trade_id, currency = fill.trade_id, "-" if taken else Market.of(fill.symbol or "").money
    event_id = f"fee:{trade_id}:-" if taken else f"fee:{trade_id}"
    fee = fill._replace(
        event_id=event_id, type=FEE, side=None, qty=None, price=None, fee="0",
        fee_currency=currency, exchange_trade_id=f"fee:{trade_id}", contract_size=None, cause=None,
    )  # fmt: skip
    return fee.naming_all_fees()


def sort_key(ts: int, market: Market | None, source: str, event_id: str) -> SortKey:
    """The place of an event in the fold: time, source id, FILL before FEE before other types.

    The ids of trades are compared as the exchange numbered them, without what qualifies them, nor
    the decision that booked them; numbers come before other ids, in numeric order.
    """
    number = source_id(source)
    number = number if market is None else market.source_id(number)
    by_id = (0, int(number), "") if number.isascii() and number.isdigit() else (1, 0, number)
    return ts, by_id, RANKS.get(event_id.partition(":")[0], 3), event_id


def source_id(trade_id: str) -> str:
    """The id that a trade came under, which a decision may have booked under another."""
    booked = _DECIDED.match(trade_id) if trade_id.startswith(DECISION) else None
    return trade_id[booked.end() :] if booked else trade_id


def ruling(fill: Event, kind: str, number: int, meta: Mapping[str, Any]) -> Event:
    """The VOID or UNVOID of a trade, with who decided, when and why."""
    event = fill._replace(
        event_id=f"{kind.lower()}:{number}", type=kind, side=None, qty=None, price=None,
        meta_json=json.dumps(meta), contract_size=None, cause=None, version=2,
    )  # fmt: skip
    return event._replace(hash=event.content_hash)


def is_as_hashed(row: Row) -> bool:
    """Whether the row of an event has the hash of its content, and no text that is empty: to
    `content_hash` that is one that is not there."""
    texts = ["" if value is None else value or "\0" for value in row[:13]]
    texts[TS] = str(row[TS])
    details = row[14:EVENT_VERSION]
    if row[EVENT_VERSION] == 1:
        if details != NO_DETAILS:
            return False
    else:
        texts += ["" if value is None else str(value) or "\0" for value in details]
    content: bytes = row[HASH]
    return _digest("\x1f".join(texts)) == content


def trade_of(event: Row) -> str:
    """`Event.trade_id` of an event, or of its row."""
    named: str = event[TRADE] or ""
    return named.removeprefix("fee:") if event[TYPE] == FEE else named


def source_of(event: Row) -> str:
    """`Event.source_id` of an event, or of its row."""
    return trade_of(event) if event[TYPE] in OF_TRADES else event_of(event).source_id


def place_of(event: Row, market: Market | None) -> SortKey:
    """The place in the fold of an event, or of its row."""
    return sort_key(event[TS], market, source_of(event), event[EVENT_ID])


def event_of(row: Row) -> Event:
    """The event of a row, which may have more columns behind."""
    return Event._make(row[: len(Event._fields)])


def in_fold_order(by_time: Iterable[E], market: Market) -> Iterator[E]:
    """A market's events, or their rows, given in time order, in fold order: those of one
    millisecond are sorted."""
    for _, same_ms in groupby(by_time, key=itemgetter(TS)):
        group = list(same_ms)
        if len(group) > 1 and not _is_fill_and_its_fee(group):
            group.sort(key=lambda event: place_of(event, market))
        yield from group


def _is_fill_and_its_fee(group: Sequence[Row]) -> bool:
    """The usual case, which needs no sorting. The ids alone do not tell: `fee:1` may be a trade."""
    if len(group) != 2:
        return False
    fill, fee = group
    return fill[TYPE] == FILL and fee[TYPE] == FEE and trade_of(fill) == trade_of(fee)


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
