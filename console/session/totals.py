"""Money added up: exact, and each currency in its own."""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import PositionView

# Wide enough for any sum of amounts a ledger takes; were it not, it would raise.
_EXACT = Context(prec=400, traps=[Inexact])


def written(amount: Decimal) -> str:
    """Without exponent, trailing zeros or a minus zero."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def quote_of(symbol: str) -> str:
    """`USDT` of `BTC/USDT` and of `BTC/USDT:USDT`; of a symbol in another form, all of it."""
    return symbol.partition("/")[2].partition(":")[0] or symbol


def nets(positions: "Mapping[str, PositionView]") -> dict[str, Decimal]:
    """Realized PnL net of fees in the quote currency, by that currency."""
    return _by_currency((_money(symbol, p), p.net) for symbol, p in positions.items())


def fees(positions: "Mapping[str, PositionView]") -> dict[str, Decimal]:
    return _by_currency(fee for position in positions.values() for fee in position.fees.items())


def equities(positions: "Mapping[str, PositionView]") -> dict[str, Decimal | None]:
    """Net and unrealized PnL, by quote currency; null where an open position has no mark."""
    sums: dict[str, Decimal | None] = dict(nets(positions))
    for symbol, position in positions.items():
        quote = _money(symbol, position)
        so_far = sums[quote]
        if position.unrealized is not None and so_far is not None:
            sums[quote] = _EXACT.add(so_far, Decimal(position.unrealized))
        elif position.qty != "0":
            sums[quote] = None
    return sums


def _money(symbol: str, position: "PositionView") -> str:
    """The asset that a position's profits are in; older engines do not name it."""
    return position.money or quote_of(symbol)


def _by_currency(amounts: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = _EXACT.add(sums.get(currency, Decimal(0)), Decimal(amount))
    return sums
