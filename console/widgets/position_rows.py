"""Positions as rows of a table. Every figure is the ledger's own text: where it does not fit its
decimals are cut and end in `…`, never rounded."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from console.formats import NONE, money, signed
from console.lines import Line, Tone, joined, line
from console.totals import quote_of
from console.widgets.grid import GAP, Column, Row
from console.widgets.toned import width_of
from engine.text import printable

if TYPE_CHECKING:
    from engine import PositionView

OVERSOLD: Final = " ◆ oversold"
NARROWEST: Final = 12
FEES_WIDTH: Final = 18
LONGEST_SYMBOL: Final = 30
_SIGN: Final = len("▲ ")
_DOT: Final = (" · ", Tone.FAINT)
_FEWEST_DIGITS: Final = len("0.001…")


@dataclass(frozen=True, slots=True)
class PositionRows:
    """Rows that are made when they are seen: open positions first, then those that are flat."""

    positions: "Mapping[str, PositionView]" = field(default_factory=dict)
    money_width: int = NARROWEST
    fees_width: int = 0
    symbols: tuple[str, ...] = ()
    _made: dict[str, Row] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls, positions: "Mapping[str, PositionView]", columns: Sequence[Column]
    ) -> "PositionRows":
        """Rows for columns that `columns_for` gave."""
        symbols = sorted(positions, key=lambda symbol: (positions[symbol].qty == "0", symbol))
        return cls(positions, columns[1].width, columns[-1].width, tuple(symbols))

    def __len__(self) -> int:
        return len(self.symbols)

    def row(self, number: int) -> Row | None:
        if not 0 <= number < len(self.symbols):
            return None
        symbol = self.symbols[number]
        if symbol not in self._made:
            position = self.positions[symbol]
            cells = position_cells(symbol, position, self.money_width, self.fees_width)
            self._made[symbol] = Row(symbol, cells)
        return self._made[symbol]

    def number_of(self, key: Hashable) -> int | None:
        return self.symbols.index(key) if isinstance(key, str) and key in self.symbols else None


@dataclass(frozen=True, slots=True)
class Room:
    """How many columns a table of positions needs: for symbols, for the whole digits of its
    widest money, and for all of its digits."""

    symbol: int = 8
    least: int = NARROWEST
    money: int = NARROWEST

    def including(self, positions: "Mapping[str, PositionView]") -> "Room":
        """Room for these as well: columns become wider, never narrower."""
        longest = max((_symbol_width(*found) for found in positions.items()), default=0)
        least, money = self.least, self.money
        for text in _money(positions.values()):
            digits = len(text.partition(".")[0])
            whole = digits + (digits - 1) // 3 + _SIGN + len("+…")
            least, money = max(least, whole), max(money, whole - digits + len(text) - 1)
        return Room(max(self.symbol, longest), least, money)


def columns_for(room: Room, width: int) -> list[Column]:
    """Columns in so many terminal columns: where they are short, first the fees go, then the mark,
    then the average cost. Whole digits always have their place."""
    symbol = room.symbol + GAP + 1
    for figures, fees in ((5, FEES_WIDTH), (5, 0), (4, 0), (3, 0)):
        each = (width - symbol - (fees + GAP if fees else 0)) // figures - GAP
        if each >= room.least:
            break
    each = max(room.least, min(each, room.money))
    rest = width - symbol - figures * (each + GAP) - GAP
    return [
        Column("symbol", room.symbol),
        Column("qty", each, right=True),
        Column("avg cost", each, right=True, drop=1),
        Column("mark", each, right=True, drop=2),
        Column("unrealised", each, right=True),
        Column("realised", each, right=True),
        Column("fees", max(rest, FEES_WIDTH), drop=3),
    ]


def position_cells(
    symbol: str, position: "PositionView", width: int, fees_width: int = 0
) -> tuple[Line, ...]:
    flat = position.qty == "0"
    rank = Tone.DIM if flat else Tone.PLAIN
    oversold = [(OVERSOLD, Tone.ATTENTION)] if position.oversold else []
    return (
        line((symbol, rank), *oversold),
        line((money(position.qty, width), Tone.DIM if flat else Tone.STRONG)),
        line((money(position.avg_cost, width), Tone.DIM)),
        line((money(position.mark, width), rank)),
        gain(position.unrealized, width),
        gain(position.realized_pnl, width),
        fees_of(position, quote_of(symbol), fees_width),
    )


def gain(text: str | None, width: int = 0) -> Line:
    """A gain or a loss, told by a shape, a sign and a tone."""
    if text is None:
        return line((NONE, Tone.FAINT))
    if text == "0":
        return line((text, Tone.DIM))
    sign, tone = ("▼", Tone.DANGER) if text.startswith("-") else ("▲", Tone.OK)
    return line((f"{sign} {signed(text, width - _SIGN if width else 0)}", tone))


def fees_of(position: "PositionView", quote: str = "", width: int = 0) -> Line:
    """Those in the quote currency first. With a width, decimals give way, all alike."""
    fees = sorted(position.fees.items(), key=lambda fee: (fee[0] != quote, fee[0]))
    whole = _fees(fees)
    if not width or width_of(whole) <= width:
        return whole
    names = sum(cell_len(name) + 1 for name, _ in fees)
    digits = (width - names - len(_DOT[0]) * (len(fees) - 1)) // len(fees)
    return _fees(fees, max(digits, _FEWEST_DIGITS))


def _fees(fees: Sequence[tuple[str, str]], digits: int = 0) -> Line:
    return joined([line((f"{money(fee, digits)} {name}", Tone.DIM)) for name, fee in fees], _DOT)


def _symbol_width(symbol: str, position: "PositionView") -> int:
    return min(cell_len(printable(symbol)), LONGEST_SYMBOL) + (
        len(OVERSOLD) if position.oversold else 0
    )


def _money(positions: "Iterable[PositionView]") -> Iterable[str]:
    for found in positions:
        figures: Sequence[str | None] = (
            found.qty,
            found.avg_cost,
            found.mark,
            found.unrealized,
            found.realized_pnl,
        )
        yield from (figure for figure in figures if figure)
