"""Fills, and how a venue's report of one is read: strictly, at the edge."""

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
    """A charge in `currency`; a negative one is a rebate."""

    currency: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order of this account.

    `trade_id` is unique in the account. Quantity is in base units, price in quote units per base
    unit. `fees` has one entry a currency, none of them zero; `fees_complete` is false until the
    venue has named all that it charges.
    """

    trade_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    ts_ms: int
    fees: tuple[Fee, ...] = ()
    fees_complete: bool = True
    order_id: str | None = None
    client_order_id: str | None = None
    liquidity: str | None = None

    @property
    def charges(self) -> tuple[str, bool, int, list[tuple[str, Decimal]]]:
        """A sort key: fills that are charged, and the fuller charged ones, come first."""
        fees = sorted((fee.currency, fee.cost) for fee in self.fees)
        return self.liquidity or "", not self.fees_complete, -len(fees), fees


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
        return _Item(item, latest_ms).fill(trade_ids)
    except json.JSONDecodeError as error:
        raise UnreadableFill(f"not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFill(str(error)) from error


def derive_trade_ids(fills: Iterable[Fill]) -> list[Fill]:
    """Give the fills of a venue without trade ids such ids, made of their content.

    Identical rows differ by their number within the response: a response holds whole milliseconds,
    so it is the same number each time. In whatever order they come, those that are charged are
    numbered before those that are not (yet): a fee that comes late stays with its number as long as
    identical rows are charged alike.
    """
    fills = list(fills)
    seen: Counter[str] = Counter()
    named = fills.copy()
    for place in sorted(range(len(fills)), key=lambda place: fills[place].charges):
        fill = fills[place]
        money = canonical(fill.price), canonical(fill.qty)
        key = ":".join((fill.symbol, fill.order_id or "", str(fill.ts_ms), fill.side, *money))
        seen[key] += 1
        named[place] = replace(fill, trade_id=f"{key}:{seen[key]}")
    return named


class _Item:
    """A reported item. Raises `ValueError` for what cannot be part of a fill."""

    def __init__(self, values: Mapping[str, Any], latest_ms: int) -> None:
        self._values = values
        self._latest_ms = latest_ms

    def fill(self, trade_ids: TradeIds) -> Fill:
        symbol = check_symbol(self._values.get("symbol"))
        fees, fees_complete = self._fees()
        if self._values.get("visible_at") is not None:
            self._time("visible_at")
        return Fill(
            trade_id=self._trade_id(symbol, trade_ids),
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

    def _text(self, name: str) -> str | None:
        return _text(name, self._values.get(name))

    def _trade_id(self, symbol: str, trade_ids: TradeIds) -> str:
        if trade_ids is TradeIds.NONE:
            return ""
        trade_id = self._text("id")
        if trade_id is None:
            raise ValueError(f"id: {_shown(self._values.get('id'))} is not a trade id")
        return f"{symbol}:{trade_id}" if trade_ids is TradeIds.MARKET else trade_id

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
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name}: {_shown(value)} is not a time in UTC milliseconds")
        if value > self._latest_ms:
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
    values = dict(pairs)
    if len(values) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise ValueError(f"{_shown(twice)} is given twice")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a finite number")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "…"


def latest_believed(now_ms: int, venue_ms: int) -> int:
    """A day after the later of two clocks: no honest time is later, and one in microseconds is."""
    return max(now_ms, venue_ms) + DAY_MS
