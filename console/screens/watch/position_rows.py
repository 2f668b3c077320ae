"""Positions as rows of a table. Every figure is the ledger's own text: where it does not fit its
decimals are cut and end in `…`, never rounded."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from console.kit.formats import NONE, money, signed
from console.kit.grid import GAP, Column, Row
from console.kit.line_widget import fitted, width_of
from console.kit.lines import Line, Tone, joined, line
from console.session.totals import quote_of
from engine.text import printable

if TYPE_CHECKING:
    from engine import PositionView

OVERSOLD: Final = " ◆ oversold"
OVERSOLD_BRIEF: Final = " ◆"
NARROWEST: Final = 12
FEES_WIDTH: Final = 18
MOST_FEES: Final = 40
LONGEST_SYMBOL: Final = 30
_GAIN: Final = len("▲ +")
_DOT: Final = (" · ", Tone.FAINT)
_FEWEST_DIGITS: Final = len("0.001…")


@dataclass(frozen=True, slots=True)
class PositionRows:
    """Rows that are made when they are seen: open positions first, then those that are flat."""

    positions: "Mapping[str, PositionView]" = field(default_factory=dict)
    widths: tuple[int, ...] = ()
    symbols: tuple[str, ...] = ()
    _made: dict[str, Row] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls, positions: "Mapping[str, PositionView]", columns: Sequence[Column]
    ) -> "PositionRows":
        """Rows for columns that `columns_for` gave."""
        symbols = sorted(positions, key=lambda symbol: (positions[symbol].qty == "0", symbol))
        return cls(positions, tuple(column.width for column in columns), tuple(symbols))

    def __len__(self) -> int:
        return len(self.symbols)

    def row(self, number: int) -> Row | None:
        if not 0 <= number < len(self.symbols):
            return None
        symbol = self.symbols[number]
        if symbol not in self._made:
            cells = position_cells(symbol, self.positions[symbol], self.widths)
            self._made[symbol] = Row(symbol, cells)
        return self._made[symbol]

    def number_of(self, key: Hashable) -> int | None:
        return self.symbols.index(key) if isinstance(key, str) and key in self.symbols else None


@dataclass(frozen=True, slots=True)
class Room:
    """How many columns a table of positions needs: for symbols, for the whole digits of each
    figure and for all of its digits, and in few digits, for any one fee and for all of them."""

    symbol: int = 8
    least: tuple[int, ...] = (NARROWEST,) * 5
    money: tuple[int, ...] = (NARROWEST,) * 5
    fee: int = FEES_WIDTH
    fees: int = FEES_WIDTH

    def including(self, positions: "Mapping[str, PositionView]") -> "Room":
        """Room for these as well: columns become wider, never narrower."""
        symbol, fee, fees = self.symbol, self.fee, self.fees
        least, money = list(self.least), list(self.money)
        for name, found in positions.items():
            symbol = max(symbol, _symbol_width(name))
            widths = _fee_widths(found)
            others = len(_DOT[0]) + len("+9") if len(widths) > 1 else 0
            fee = max(fee, min(max(widths, default=0) + others, MOST_FEES))
            fees = max(fees, min(sum(widths) + len(_DOT[0]) * (len(widths) - 1), MOST_FEES))
            for number, (text, sign) in enumerate(_money(found)):
                whole = text.partition(".")[0]
                grouped = sign + len(whole) + (len(whole) - 1) // 3
                least[number] = max(least[number], grouped + len("…"))
                money[number] = max(money[number], grouped + len(text) - len(whole))
        return Room(symbol, tuple(least), tuple(money), fee, fees)


# The figures that are shown: where columns are short the mark goes, then the average cost.
_SHOWN: Final = ((0, 1, 2, 3, 4), (0, 1, 3, 4), (0, 3, 4))


def columns_for(room: Room, width: int, *, oversold: bool = False) -> list[Column]:
    """Columns in so many terminal columns: where they are short, first the fees go, then the mark,
    then the average cost. Whole digits always have their place; the others give way before the
    fees' currencies do. `oversold` is flagged in a word where nothing has to go for it."""
    symbol = room.symbol
    if oversold:
        bare, flagged = (_layout(room, symbol + more, width) for more in (0, len(OVERSOLD)))
        symbol += len(OVERSOLD if flagged == bare and bare[1] else OVERSOLD_BRIEF)
    shown, fees = _layout(room, symbol, width)
    free = width - _taken(symbol, shown, fees)
    widths = _shared_out(room, shown, free)
    rest = free + fees - sum(widths)
    qty, cost, mark, unrealised, realised = widths
    return [
        Column("symbol", symbol),
        Column("qty", qty, right=True),
        Column("avg cost", cost, right=True, drop=1),
        Column("mark", mark, right=True, drop=2),
        Column("unrealised", unrealised, right=True),
        Column("realised", realised, right=True),
        Column("fees", max(rest, room.fee), drop=3),
    ]


def _layout(room: Room, symbol: int, width: int) -> tuple[Sequence[int], int]:
    """Which figures there is room for, and how much of it the fees have."""
    for shown in _SHOWN:
        spare = width - _taken(symbol, shown) - sum(room.least[number] for number in shown)
        if spare >= 0:
            fees = min(room.fees, spare - GAP)
            return shown, fees if fees >= room.fee and shown == _SHOWN[0] else 0
    return _SHOWN[-1], 0


def _taken(symbol: int, shown: Sequence[int], fees: int = 0) -> int:
    """Columns that are not the figures' own."""
    return 1 + symbol + GAP + GAP * len(shown) + (fees + GAP if fees else 0)


def _shared_out(room: Room, shown: Sequence[int], free: int) -> Sequence[int]:
    """The width of each figure: what it needs, and of what is too much for all, the same."""
    for most in range(min(max(room.money), free), 0, -1):
        widths = [
            max(least, min(need, most)) for least, need in zip(room.least, room.money, strict=True)
        ]
        if sum(widths[number] for number in shown) <= free:
            return widths
    return room.least


def position_cells(
    symbol: str, position: "PositionView", widths: Sequence[int]
) -> tuple[Line, ...]:
    """A cell for each column, each at most as wide; with a width of 0 all of it."""
    name, qty, cost, mark, unrealised, realised, fees = widths
    flat = position.qty == "0"
    rank = Tone.DIM if flat else Tone.PLAIN
    told = line((symbol, rank))
    return (
        _flagged(told, name) if position.oversold else told,
        line((money(position.qty, qty), Tone.DIM if flat else Tone.STRONG)),
        line((money(position.avg_cost, cost), Tone.DIM)),
        line((money(position.mark, mark), rank)),
        gain(position.unrealized, unrealised),
        gain(position.realized_pnl, realised),
        fees_of(position, quote_of(symbol), fees),
    )


def _flagged(symbol: Line, width: int) -> Line:
    """The flag is never cut, a long symbol is."""
    whole = line(symbol, (OVERSOLD, Tone.ATTENTION))
    if not width or width_of(whole) <= width:
        return whole
    room = width - len(OVERSOLD_BRIEF)
    short = symbol if width_of(symbol) <= room else fitted(symbol, room)
    return line(short, (OVERSOLD_BRIEF, Tone.ATTENTION))


def gain(text: str | None, width: int = 0) -> Line:
    """A gain or a loss, told by a shape, a sign and a tone."""
    if text is None:
        return line((NONE, Tone.FAINT))
    if text == "0":
        return line((text, Tone.DIM))
    sign, tone = ("▼", Tone.DANGER) if text.startswith("-") else ("▲", Tone.OK)
    return line((f"{sign} {signed(text, width - len('▲ ') if width else 0)}", tone))


def fees_of(position: "PositionView", quote: str = "", width: int = 0) -> Line:
    """Those in the quote currency first. With a width, decimals give way, all alike, and then
    the last currencies, which are counted."""
    fees = sorted(position.fees.items(), key=lambda fee: (fee[0] != quote, fee[0]))
    whole = _fees(fees)
    if not width or width_of(whole) <= width:
        return whole
    names = sum(cell_len(name) + 1 for name, _ in fees)
    digits = (width - names - len(_DOT[0]) * (len(fees) - 1)) // len(fees)
    short = _fees(fees, max(digits, _FEWEST_DIGITS))
    kept = len(fees)
    while width_of(short) > width and kept > 1:
        kept -= 1
        short = line(_fees(fees[:kept], _FEWEST_DIGITS), _DOT, (f"+{len(fees) - kept}", Tone.DIM))
    return short


def _fees(fees: Sequence[tuple[str, str]], digits: int = 0) -> Line:
    return joined([line((f"{money(fee, digits)} {name}", Tone.DIM)) for name, fee in fees], _DOT)


def _symbol_width(symbol: str) -> int:
    return min(cell_len(printable(symbol)), LONGEST_SYMBOL)


def _fee_widths(position: "PositionView") -> list[int]:
    """Of each fee in few digits."""
    fees = position.fees.items()
    return [len(money(fee, _FEWEST_DIGITS)) + 1 + cell_len(printable(name)) for name, fee in fees]


def _money(position: "PositionView") -> Iterable[tuple[str, int]]:
    """Each figure, and how many columns its sign takes."""
    for text, sign in (
        (position.qty, 0),
        (position.avg_cost, 0),
        (position.mark, 0),
        (position.unrealized, _GAIN),
        (position.realized_pnl, _GAIN),
    ):
        yield text or NONE, sign
