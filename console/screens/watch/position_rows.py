"""Positions as rows of a table. Every figure is the ledger's own text: where it does not fit its
decimals are cut and end in `…`, never rounded."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from console.kit.formats import NONE, money, signed
from console.kit.grid import Column
from console.kit.lines import Line, Tone, fitted, joined, line, width_of
from console.kit.rows import MadeRows
from console.kit.widths import GAP, fit, gone, squeezed, taken
from console.session.totals import quote_of
from engine.text import printable

if TYPE_CHECKING:
    from engine import PositionView

FIGURES: Final = ("qty", "avg cost", "mark", "unrealized", "realized")
# A column that is there where any position has some.
FUNDING: Final = "funding"
MOST_FUNDING: Final = 20
OVERSOLD: Final = " ◆ oversold"
# Also of a position whose market is at attention, or held.
FLAG: Final = " ◆"
# Before figures that fees which are not known yet may change.
UNKNOWN: Final = "≈ "
NARROWEST: Final = 12
FEES_WIDTH: Final = 18
MOST_FEES: Final = 40
LONGEST_SYMBOL: Final = 30
# Where a position's name goes on after its market's.
_OWN: Final = re.compile(r"( (?:long|short|isolated|@\S+)(?: .*)?)$")
# Where the room is short the fees go first, then funding, the mark, and so on.
_DROPS: Final = {
    "fees": 6, FUNDING: 5, "mark": 4, "avg cost": 3, "realized": 2, "unrealized": 1,
}  # fmt: skip
# The columns a figure's sign takes: a gain has one.
_SIGNS: Final = (0, 0, 0, len("▲ +"), len("▲ +"))
_DOT: Final = (" · ", Tone.FAINT)
_FEWEST_DIGITS: Final = len("0.001…")


def market_of(name: str) -> str:
    """The market of a position, by the position's name."""
    return _OWN.split(name, maxsplit=1)[0]


class PositionRows(MadeRows[str]):
    """Positions for columns that `Room` gave: open ones first, then those that are flat. The
    figures of the `doubted` ones are not to be relied on."""

    def __init__(
        self,
        positions: "Mapping[str, PositionView]",
        columns: Sequence[Column] = (),
        doubted: Collection[str] = (),
    ) -> None:
        super().__init__(sorted(positions, key=lambda name: (positions[name].qty == "0", name)))
        self._positions = positions
        self._widths = [column.width for column in columns]
        self._doubted = doubted

    def cells(self, key: str) -> tuple[Line, ...]:
        doubted = key in self._doubted
        return position_cells(key, self._positions[key], self._widths, doubted=doubted)


@dataclass(frozen=True, slots=True)
class Room:
    """The columns a table of positions needs: for symbols, for the whole digits of each figure and
    for all of its digits, and in few digits, for any one fee and for all of them; for funding, none
    where there is none."""

    symbol: int = 8
    least: tuple[int, ...] = (NARROWEST,) * 5
    money: tuple[int, ...] = (NARROWEST,) * 5
    fee: int = FEES_WIDTH
    fees: int = FEES_WIDTH
    funding: int = 0

    def including(self, positions: "Mapping[str, PositionView]") -> "Room":
        """Room for these as well: columns become wider, never narrower."""
        symbol, fee, fees, funding = self.symbol, self.fee, self.fees, self.funding
        least, money = list(self.least), list(self.money)
        for name, position in positions.items():
            symbol = max(symbol, min(cell_len(printable(name)), LONGEST_SYMBOL))
            if position.funding != "0":
                funding = max(funding, len(FUNDING), len("▲ ") + len(signed(position.funding)))
            widths = _fee_widths(position)
            others = len(_DOT[0]) + len("+9") if len(widths) > 1 else 0
            fee = max(fee, min(max(widths, default=0) + others, MOST_FEES))
            fees = max(fees, min(sum(widths) + len(_DOT[0]) * (len(widths) - 1), MOST_FEES))
            for number, (figure, sign) in enumerate(zip(_figures(position), _SIGNS, strict=True)):
                text = figure or NONE
                whole = text.partition(".")[0]
                marked = len(UNKNOWN) if position.fees_unknown and number == 0 else 0
                grouped = sign + marked + len(whole) + (len(whole) - 1) // 3
                least[number] = max(least[number], grouped + len("…"))
                money[number] = max(money[number], grouped + len(text) - len(whole))
        return Room(symbol, tuple(least), tuple(money), fee, fees, min(funding, MOST_FUNDING))

    def columns(self, width: int, *, oversold: bool = False, doubted: bool = False) -> list[Column]:
        """Columns in so many terminal columns. Whole digits always have their place; the others
        give way before the fees' currencies do, the longest figures first. `oversold` is flagged
        in a word where nothing has to go for it, `doubted` without one."""
        least = dict(zip(FIGURES, self.least, strict=True))
        needs = dict(zip(FIGURES, map(max, self.least, self.money), strict=True))
        flag = self._flag(width) if oversold else len(FLAG) if doubted else 0
        symbol = self.symbol + flag
        seen = self._seen(symbol, width)
        others = {name: seen[name] for name in ("symbol", FUNDING, "fees") if name in seen}
        needs = {name: needs[name] for name in FIGURES if name in seen}
        figures = least | fit(needs, width - 1 - taken(others), [squeezed(least)])
        before = {"symbol": seen["symbol"]} | figures | self._funding
        rest = width - 1 - taken(before) - GAP
        widths = before | {"fees": rest if "fees" in seen else self.fee}
        return [
            Column(name, room, right=name in (*FIGURES, FUNDING), drop=_DROPS.get(name, 0))
            for name, room in widths.items()
        ]

    def _flag(self, width: int) -> int:
        bare, flagged = (
            self._seen(self.symbol + more, width) | {"symbol": 0} for more in (0, len(OVERSOLD))
        )
        return len(OVERSOLD if flagged == bare and "fees" in bare else FLAG)

    def _seen(self, symbol: int, width: int) -> dict[str, int]:
        """The columns there is room for, the figures in their fewest digits."""
        figures = dict(zip(FIGURES, self.least, strict=True))
        widths = {"symbol": symbol} | figures | self._funding | {"fees": self.fees}
        steps = [squeezed({"fees": self.fee}), *map(gone, _DROPS), squeezed({"symbol": NARROWEST})]
        return fit(widths, width - 1, steps)

    @property
    def _funding(self) -> dict[str, int]:
        return {FUNDING: self.funding} if self.funding else {}


def position_cells(
    symbol: str, position: "PositionView", widths: Sequence[int], *, doubted: bool = False
) -> tuple[Line, ...]:
    """A cell for each column, each at most as wide; with a width of 0 all of it. Without a width
    for funding there is no such column."""
    name, qty, cost, mark, unrealized, realized, *funding, fees = widths
    flat = position.qty == "0"
    rank = Tone.DIM if flat else Tone.PLAIN
    room = name - len(FLAG) if name and (position.oversold or doubted) else name
    return (
        _flagged(_named(symbol, rank, room), position.oversold, doubted, name),
        line((_qty(symbol, position, qty), Tone.DIM if flat else Tone.STRONG)),
        line((money(position.avg_cost, cost), Tone.DIM)),
        line((money(position.mark, mark), rank)),
        gain(position.unrealized, unrealized),
        gain(position.realized_pnl, realized),
        *(gain(position.funding, width) for width in funding),
        fees_of(position, quote_of(symbol), fees),
    )


def _named(name: str, rank: Tone, width: int) -> Line:
    """The name; of one that is too long, its market is cut, and not what tells its positions
    apart."""
    whole = line((name, rank))
    market, *own = _OWN.split(name, maxsplit=1)
    room = width - cell_len("".join(own))
    if not width or not own or width_of(whole) <= width or room < len("A…"):
        return whole
    return line(fitted(line((market, rank)), room), ("".join(own), rank))


def _flagged(symbol: Line, oversold: bool, doubted: bool, width: int) -> Line:
    """The flag is never cut, a long symbol is."""
    if not oversold and not doubted:
        return symbol
    whole = line(symbol, (OVERSOLD if oversold else FLAG, Tone.ATTENTION))
    if not width or width_of(whole) <= width:
        return whole
    room = width - len(FLAG)
    short = symbol if width_of(symbol) <= room else fitted(symbol, room)
    return line(short, (FLAG, Tone.ATTENTION))


def _qty(name: str, position: "PositionView", width: int = 0) -> str:
    """On spot an unknown fee may have moved the quantity."""
    mark = UNKNOWN if position.fees_unknown and ":" not in name else ""
    return mark + money(position.qty, width and width - len(mark))


def gain(text: str | None, width: int = 0) -> Line:
    """A gain or a loss, in a shape, a sign and a tone."""
    if text is None:
        return line((NONE, Tone.FAINT))
    if text == "0":
        return line((text, Tone.DIM))
    sign, tone = ("▼", Tone.DANGER) if text.startswith("-") else ("▲", Tone.OK)
    return line((f"{sign} {signed(text, width - len('▲ ') if width else 0)}", tone))


def fees_of(position: "PositionView", quote: str = "", width: int = 0) -> Line:
    """The fees, those in the quote currency first. With a width, decimals give way, all alike, and
    then the last currencies, which are counted."""
    fees = sorted(position.fees.items(), key=lambda fee: (fee[0] != quote, fee[0]))
    if position.fees_unknown:
        room = max(1, width - len(UNKNOWN)) if width else 0
        return line((UNKNOWN, Tone.ATTENTION), _fitted(fees, room) or (("?", Tone.DIM),))
    return _fitted(fees, width)


def _fitted(fees: Sequence[tuple[str, str]], width: int) -> Line:
    whole = _fees(fees)
    if not width or width_of(whole) <= width:
        return whole
    names = sum(cell_len(name) + 1 for name, _ in fees)
    digits = (width - names - len(_DOT[0]) * (len(fees) - 1)) // len(fees)
    short = _fees(fees, max(digits, _FEWEST_DIGITS))
    shown = len(fees)
    while width_of(short) > width and shown > 1:
        shown -= 1
        others = (f"+{len(fees) - shown}", Tone.DIM)
        short = line(_fees(fees[:shown], _FEWEST_DIGITS), _DOT, others)
    return short


def _fees(fees: Sequence[tuple[str, str]], digits: int = 0) -> Line:
    return joined([line((f"{money(fee, digits)} {name}", Tone.DIM)) for name, fee in fees], _DOT)


def _figures(position: "PositionView") -> tuple[str | None, ...]:
    worth = (position.unrealized, position.realized_pnl)
    return (position.qty, position.avg_cost, position.mark, *worth)


def _fee_widths(position: "PositionView") -> list[int]:
    """The width of each fee in few digits."""
    fees = position.fees.items()
    return [len(money(fee, _FEWEST_DIGITS)) + 1 + cell_len(printable(name)) for name, fee in fees]
