"""A venue's report of a fill, read strictly at the edge."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from engine.errors import UnreadableFill
from engine.ledger.doubts import BareNumber, id_doubt, judged
from engine.ledger.fills import Fee, Fill
from engine.ledger.markets import RULES, SPOT_RULES, Market
from engine.ledger.sides import position_side
from engine.ledger.terms import USUAL, Terms
from engine.money import EXACT, parse_decimal
from engine.venue import Side, TradeIds

T = TypeVar("T")

MAX_TEXT = 200


class _NotFinite(str):
    """A number of JSON that is none: NaN or an infinity."""


@dataclass(frozen=True, slots=True)
class Edge:
    """How reports are read at the venue's edge.

    `latest_ms` is the latest time that is believed: a fill far in the future would carry the
    cursor past everything that follows. `rules` is the version of what is believed: 1 is that of
    0.1.0, which doubts nothing that it can read. `pinned` markets are what the ledger has them as,
    whatever a report says. `terms` are what settings and venue say beside the items.
    """

    trade_ids: TradeIds
    latest_ms: int
    rules: int = RULES
    pinned: Mapping[str, Market] = field(default_factory=dict)
    terms: Terms = USUAL


def read_fill(raw: str, edge: Edge) -> Fill:
    """Read one reported item: JSON text in ccxt's unified trade structure.

    Raises `UnreadableFill` with the reason.
    """
    try:
        item = json.loads(
            raw, object_pairs_hook=_object, parse_float=BareNumber, parse_constant=_NotFinite
        )
        if not isinstance(item, Mapping):
            raise ValueError("not a JSON object")
        return _Item(item, edge).fill()
    except json.JSONDecodeError as error:
        raise UnreadableFill(f"not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFill(str(error)) from error


class Outline(NamedTuple):
    """A fill as far as an item has it: null is what cannot be read."""

    trade_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    ts_ms: int | None = None
    order_id: str | None = None
    position_side: str | None = None

    @classmethod
    def of(cls, fill: Fill) -> "Outline":
        return cls(
            trade_id=fill.trade_id,
            symbol=fill.symbol,
            side=fill.side.value,
            qty=fill.qty,
            price=fill.price,
            ts_ms=fill.ts_ms,
            order_id=fill.order_id,
            position_side=fill.details.position_side if fill.details else None,
        )

    def agrees(self, other: "Outline") -> bool:
        """Whether they are equal in all that both have."""
        pairs = zip(self, other, strict=True)
        return all(mine == its for mine, its in pairs if mine is not None and its is not None)


def outline(raw: str, edge: Edge) -> Outline:
    """The outline of an item that cannot be booked as it is."""
    item = _Item.unread(raw, edge)
    return item.outline() if item is not None else Outline()


def outlined_id(raw: str, edge: Edge) -> str | None:
    """The trade id in the outline of an item, which is sooner read than all of it."""
    item = _Item.unread(raw, edge)
    return _readable(item.outlined_id) if item is not None else None


def check_symbol(symbol: object) -> str:
    """Raises `ValueError` unless `symbol` reads like `BASE/QUOTE` or `BASE/QUOTE:SETTLE`."""
    text = _text("symbol", symbol)
    if text is None:
        raise ValueError(f"symbol: {_shown(symbol)} does not read like BASE/QUOTE")
    return Market.of(text).symbol


class _Item:
    """A reported item. Raises `ValueError` for what cannot be part of a fill."""

    def __init__(self, values: Mapping[str, Any], edge: Edge) -> None:
        self._values = values
        self._edge = edge

    @classmethod
    def unread(cls, raw: str, edge: Edge) -> "_Item | None":
        """The item of a text of which not all may be readable; null where it is no object."""
        try:
            item = json.loads(raw, object_pairs_hook=_unrepeated, parse_float=BareNumber)
        except (ValueError, RecursionError):
            return None
        return cls(item, edge) if isinstance(item, dict) else None

    def fill(self) -> Fill:
        symbol = self._symbol()
        market = self._market(symbol)
        fees, fees_complete = self._fees()
        if self._values.get("visible_at") is not None:
            self._time("visible_at")
        fill = Fill(
            trade_id=self._trade_id(market),
            symbol=symbol,
            side=self._side(),
            qty=self._qty(),
            price=self._price(),
            ts_ms=self._time("timestamp"),
            fees=fees,
            fees_complete=fees_complete,
            order_id=self._text("order"),
            client_order_id=self._text("clientOrderId"),
            liquidity=self._liquidity(),
        )
        if self._edge.rules == SPOT_RULES:
            return fill
        has_ids = self._edge.trade_ids is not TradeIds.NONE
        fill = judged(fill, market, self._values, self._edge.terms, has_ids=has_ids)
        if market.market_id is None or fill.doubt or self._market_id() in (None, market.market_id):
            return fill
        doubt = (
            f"market_id: {self._market_id()!a} is not {market.market_id!a}, the market that "
            f"{symbol} was first met as: quarantine resolve --as, without it, books it all the same"
        )
        return replace(fill, doubt=doubt)

    def outline(self) -> Outline:
        return Outline(
            trade_id=_readable(self.outlined_id),
            symbol=_readable(self._symbol),
            side=_readable(lambda: self._side().value),
            qty=_readable(self._qty),
            price=_readable(self._price),
            ts_ms=_readable(self._believed_time),
            order_id=_readable(lambda: self._text("order")),
            position_side=position_side(self._values)[0],
        )

    def outlined_id(self) -> str | None:
        """The trade id; null where it is doubted."""
        if id_doubt(self._values):
            return None
        in_market = self._edge.trade_ids is TradeIds.MARKET
        return self._trade_id(self._market(self._symbol()) if in_market else None) or None

    def _symbol(self) -> str:
        return check_symbol(self._values.get("symbol"))

    def _market(self, symbol: str) -> Market:
        """The market as the ledger pinned it, else as the item has it."""
        pinned = self._edge.pinned.get(symbol)
        if pinned is not None:
            return pinned
        if self._edge.rules == SPOT_RULES:
            return Market.by_spot_rules(symbol)
        return Market.of(symbol, self._values.get("linear") is True, self._market_id())

    def _market_id(self) -> str | None:
        """The exchange's own id of the market."""
        if "market_id" not in self._values and "marketId" not in self._values:
            return None
        ids = {name: self._text(name) for name in ("market_id", "marketId")}
        stated = {name: text for name, text in ids.items() if text is not None}
        if len({*stated.values()}) > 1:
            raise ValueError(
                f"market_id: {ids['market_id']!a} is not marketId, {ids['marketId']!a}"
            )
        return next(iter(stated.values()), None)

    def _believed_time(self) -> int | None:
        ts_ms = self._time("timestamp")
        return ts_ms if ts_ms >= self._edge.terms.earliest_ms else None

    def _text(self, name: str) -> str | None:
        return _text(name, self._values.get(name))

    def _trade_id(self, market: Market | None) -> str:
        """The ledger's id; the market is needed where ids are unique per market only."""
        form = self._edge.trade_ids
        if form is TradeIds.NONE:
            return ""
        trade_id = self._text("id")
        if trade_id is None:
            raise ValueError(
                f"id: {_shown(self._values.get('id'))} is not a trade id; of a recorded file "
                "without ids, a new ledger with recorded.trade_ids = 'none' makes some of what the "
                "rows say"
            )
        if form is TradeIds.ORDER:
            return f"{self._order()}:{self._side()}:{trade_id}"
        return f"{market.qualifier}:{trade_id}" if form is TradeIds.MARKET and market else trade_id

    def _order(self) -> str:
        """The order, without which ids that are unique within orders tell nothing apart."""
        order = self._text("order")
        if order is None:
            raise ValueError(
                f"order: {_shown(self._values.get('order'))} is no order, and trade ids are unique "
                "within an order only (recorded.trade_ids = 'order')"
            )
        return order

    def _side(self) -> Side:
        value: Any = self._values.get("side")
        try:
            return Side(value)
        except ValueError:
            raise ValueError(f"side: {_shown(value)} is neither 'buy' nor 'sell'") from None

    def _qty(self) -> Decimal:
        value = self._values.get("amount")
        number = _decimal("amount", value)
        if number <= 0:
            raise ValueError(f"amount: {_shown(value)} is not above zero")
        return number

    def _price(self) -> Decimal:
        # Options, spreads and power do trade at zero; below zero a value v ≥ 0 has no meaning.
        value = self._values.get("price")
        number = _decimal("price", value)
        if number < 0:
            raise ValueError(f"price: {_shown(value)} is below zero")
        return number

    def _time(self, name: str) -> int:
        value = self._values.get(name)
        if isinstance(value, str) and self._edge.rules != SPOT_RULES:
            digits = value.isascii() and value.isdigit() and len(value) < 20
            value = int(value) if digits else value
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name}: {_shown(value)} is not a time in UTC milliseconds")
        if value > self._edge.latest_ms:
            raise ValueError(
                f"{name}: {_shown(value)} is more than a day ahead of the venue's clock"
            )
        return value

    def _liquidity(self) -> str | None:
        value = self._values.get("takerOrMaker")
        if value is None or value == "":
            return None
        if value not in ("maker", "taker"):
            raise ValueError(f"takerOrMaker: {_shown(value)} is neither 'maker' nor 'taker'")
        return str(value)

    def _fees(self) -> tuple[tuple[Fee, ...], bool]:
        """The fees, and whether they are all there are.

        `fee` and `fees` may hold the same thing: `fees` counts where it has a cost, else `fee`.
        """
        entries = _fee_entries(self._values.get("fees"))
        if all(entry.get("cost") is None for entry in entries) and self._values.get("fee"):
            entries = _fee_entries([self._values["fee"]])
        charged = [entry for entry in entries if entry.get("cost") is not None]
        totals: dict[str, Decimal] = {}
        for entry in charged:
            cost = _decimal("fee.cost", entry["cost"])
            currency = _text("fee.currency", entry.get("currency"))
            if not cost:
                continue
            if currency is None:
                shown = _shown(entry.get("currency"))
                raise ValueError(f"fee.currency: {shown} with a cost of {cost}")
            totals[currency] = EXACT.add(totals.get(currency, Decimal(0)), cost)
        fees = tuple(Fee(currency, cost) for currency, cost in totals.items() if cost)
        return fees, bool(entries) and len(charged) == len(entries)


def _readable(read: Callable[[], T]) -> T | None:
    """What `read` reads; null where that is no part of a fill."""
    with suppress(ValueError):
        return read()
    return None


def _fee_entries(entries: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(entries or [], list):
        raise ValueError(f"fees: {_shown(entries)} is not a list")
    for entry in entries or []:
        if not isinstance(entry, Mapping):
            raise ValueError(f"fee: {_shown(entry)} is not an object with cost and currency")
    return entries or []


def _text(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{name}: {_shown(value)} is not text")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{name}: {len(value)} characters, at most {MAX_TEXT} are accepted")
    if not value.isprintable() or value != value.strip():
        raise ValueError(f"{name}: {_shown(value)} has characters that cannot be shown")
    return value


def _decimal(name: str, value: object) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in pairs:
        if isinstance(value, _NotFinite):
            raise ValueError(f"{name}: {value} is not a finite number")
    return _unrepeated(pairs)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise ValueError(f"{_shown(twice)} is given twice")
    return values


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "…"
