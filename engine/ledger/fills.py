"""A fill, and how what a venue reported is read as one: strictly, at the edge."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.clock import DAY_MS
from engine.errors import UnreadableFill
from engine.money import EXACT, canonical, parse_decimal
from engine.venue import Side, TradeIds

MAX_TEXT = 200
_SYMBOL = re.compile(r"[^\s/:]+/[^\s/:]+(:\S+)?")


@dataclass(frozen=True, slots=True)
class Fee:
    """What was charged, in `currency`; negative is a rebate."""

    currency: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order of this account.

    `trade_id` is unique in the account. Quantity is in base units, price in quote units per base
    unit. `fees` has one entry a currency, none of them zero; `fee_known` is false while the venue
    has not said (all of) what it charges.
    """

    trade_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    ts_ms: int
    fees: tuple[Fee, ...] = ()
    fee_known: bool = True
    order_id: str | None = None
    client_order_id: str | None = None
    liquidity: str | None = None


def currencies(symbol: str) -> tuple[str, str]:
    """Base and quote asset of a market: `BTC/USDT:USDT` → `BTC`, `USDT`."""
    base, _, rest = symbol.partition("/")
    return base, rest.partition(":")[0]


def check_symbol(symbol: object) -> str:
    """Raises `ValueError` unless `symbol` reads like `BASE/QUOTE` or `BASE/QUOTE:SETTLE`."""
    text = _text("symbol", symbol)
    if text is None or not _SYMBOL.fullmatch(text):
        raise ValueError(f"symbol: {_shown(symbol)} does not read like BASE/QUOTE")
    return text


def read_fill(raw: str, trade_ids: TradeIds, latest_ms: int) -> Fill:
    """Read one reported item: JSON text in ccxt's unified trade structure.

    `latest_ms` is the latest time that is believed: a fill far in the future would carry the
    cursor past everything that follows. Raises `UnreadableFill` with the reason.
    """
    try:
        item = json.loads(
            raw, object_pairs_hook=_object, parse_float=str, parse_constant=_refuse_constant
        )
        if not isinstance(item, Mapping):
            raise ValueError("not a JSON object")
        return _ReportedTrade(item, trade_ids, latest_ms).fill()
    except json.JSONDecodeError as error:
        raise UnreadableFill(f"not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFill(str(error)) from error


def derive_trade_ids(reported: Iterable[Fill]) -> list[Fill]:
    """Give fills of a venue without trade ids one made of what they are.

    Identical rows are told apart by their number within the response: a response holds whole
    milliseconds, so it is the same number each time. In whatever order they come, those that are
    charged are numbered before those that are not (yet): a fee that comes late stays with its
    number as long as identical rows are charged alike.
    """

    def charged_first(place: int) -> tuple[str, bool, int, list[tuple[str, Decimal]]]:
        fill = fills[place]
        fees = sorted((fee.currency, fee.cost) for fee in fill.fees)
        return fill.liquidity or "", not fill.fee_known, -len(fees), fees

    fills = list(reported)
    seen: Counter[str] = Counter()
    named = fills.copy()
    for place in sorted(range(len(fills)), key=charged_first):
        fill = fills[place]
        key = ":".join(
            (
                fill.symbol,
                fill.order_id or "",
                str(fill.ts_ms),
                fill.side,
                canonical(fill.price),
                canonical(fill.qty),
            )
        )
        seen[key] += 1
        named[place] = replace(fill, trade_id=f"{key}:{seen[key]}")
    return named


@dataclass(frozen=True, slots=True)
class _ReportedTrade:
    """A reported trade, read strictly field by field. Raises `ValueError` that names the field."""

    item: Mapping[str, Any]
    trade_ids: TradeIds
    latest_ms: int

    def fill(self) -> Fill:
        item = self.item
        symbol = check_symbol(item.get("symbol"))
        fees, fee_known = self._fees()
        if item.get("visible_at") is not None:
            self._time("visible_at")
        return Fill(
            trade_id=self._trade_id(symbol),
            symbol=symbol,
            side=self._side(),
            qty=self._qty(),
            price=self._price(),
            ts_ms=self._time("timestamp"),
            fees=fees,
            fee_known=fee_known,
            order_id=_text("order", item.get("order")),
            client_order_id=_text("clientOrderId", item.get("clientOrderId")),
            liquidity=self._liquidity(),
        )

    def _trade_id(self, symbol: str) -> str:
        if self.trade_ids is TradeIds.NONE:
            return ""
        value = self.item.get("id")
        trade_id = _text("id", value)
        if trade_id is None:
            raise ValueError(f"id: {_shown(value)} is not a trade id")
        return f"{symbol}:{trade_id}" if self.trade_ids is TradeIds.MARKET else trade_id

    def _side(self) -> Side:
        value = self.item.get("side")
        try:
            return Side(value)  # type: ignore[arg-type]
        except ValueError:
            raise ValueError(f"side: {_shown(value)} is neither 'buy' nor 'sell'") from None

    def _qty(self) -> Decimal:
        value = self.item.get("amount")
        qty = _decimal("amount", value)
        if qty <= 0:
            raise ValueError(f"amount: {_shown(value)} is not above zero")
        return qty

    def _price(self) -> Decimal:
        # Options, spreads and power do trade at zero; below zero a value v ≥ 0 has no meaning.
        value = self.item.get("price")
        price = _decimal("price", value)
        if price < 0:
            raise ValueError(f"price: {_shown(value)} is below zero")
        return price

    def _time(self, name: str) -> int:
        value = self.item.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name}: {_shown(value)} is not a time in UTC milliseconds")
        if value > self.latest_ms:
            text = _shown(value)
            raise ValueError(f"{name}: {text} is more than a day ahead of the venue's clock")
        return value

    def _liquidity(self) -> str | None:
        value = self.item.get("takerOrMaker")
        if value is None or value == "":
            return None
        if value not in ("maker", "taker"):
            raise ValueError(f"takerOrMaker: {_shown(value)} is neither 'maker' nor 'taker'")
        return str(value)

    def _fees(self) -> tuple[tuple[Fee, ...], bool]:
        """Fees by currency, and whether all are known.

        `fee` and `fees` may hold the same thing: `fees` where it names a cost, else `fee`.
        """
        entries = self._fee_entries(self.item.get("fees"))
        if all(entry.get("cost") is None for entry in entries) and self.item.get("fee"):
            entries = self._fee_entries([self.item["fee"]])
        totals: dict[str, Decimal] = {}
        complete = bool(entries)
        for entry in entries:
            if entry.get("cost") is None:
                complete = False
                continue
            cost = _decimal("fee.cost", entry["cost"])
            currency = _text("fee.currency", entry.get("currency"))
            if not cost:
                continue
            if currency is None:
                name = _shown(entry.get("currency"))
                raise ValueError(f"fee.currency: {name} with a cost of {cost}")
            totals[currency] = EXACT.add(totals.get(currency, Decimal(0)), cost)
        return tuple(Fee(currency, cost) for currency, cost in totals.items() if cost), complete

    @staticmethod
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
    item = dict(pairs)
    if len(item) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{_shown(name)} is given twice")
    return item


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a finite number")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "…"


def latest_believed(now_ms: int, venue_ms: int) -> int:
    """A day ahead of the later clock: no honest one is off by more, and a microsecond is."""
    return max(now_ms, venue_ms) + DAY_MS
