"""A cycle's fills as rows: what the venue said, and what TX 1 made of it."""

from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from console.formats import NONE, clock, count, money
from console.lines import Line, Tone, joined, line
from console.widgets.decimals import Decimals
from console.widgets.grid import GAP, Column, Row

if TYPE_CHECKING:
    from engine import EventOutcome, FillLine

# Of a run of ignored fills so many are shown; a rest of one would take as much room as it saves.
SHOWN_OF_RUN = 2

# Columns: `= ignored  from 1,277` in the ledger's, the widest of others, which go first.
OUTCOME_WIDTH = 21
_WIDEST = {"trade": 24, "symbol": 16, "qty": 26, "price": 26}
_DROPPED = ("time", "symbol", "side")


@dataclass(frozen=True, slots=True)
class Rest:
    """The key of a row that stands for the rest of a run: the numbers of its fills."""

    first: int
    after: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What has to be known of all fills at once, so that rows can be made one by one."""

    repeats: tuple[bool, ...]
    new: int
    unreadable: int
    first: int
    trade: int
    symbol: int
    qty: Decimals
    price: Decimals

    @classmethod
    def of(cls, fills: "Sequence[FillLine]") -> "Overview":
        outcomes = [frozenset(event.outcome for event in fill.events) for fill in fills]
        return cls(
            repeats=tuple(found == _REPEAT for found in outcomes),
            new=sum("inserted" in found for found in outcomes),
            unreadable=sum(fill.reason is not None for fill in fills),
            first=_of_interest(outcomes),
            trade=max((len(fill.trade_id) for fill in fills), default=0),
            symbol=max((len(fill.symbol) for fill in fills), default=0),
            qty=Decimals.of(_figure(fill.qty) for fill in fills),
            price=Decimals.of(_figure(fill.price) for fill in fills),
        )


_REPEAT = frozenset({"ignored"})


def _of_interest(outcomes: Sequence[frozenset[str]]) -> int:
    """The first contradiction; else the first that was not simply a repeat; else the first."""
    for wanted in ({"conflicting"}, {"inserted", "unbooked"}):
        for number, found in enumerate(outcomes):
            if found & wanted:
                return number
    return next((number for number, found in enumerate(outcomes) if not found), 0)


class FillRows:
    """The rows of a cycle's fills, made as they are seen. `opened` are the runs shown in full."""

    def __init__(
        self,
        fills: "Sequence[FillLine]",
        overview: Overview,
        cycle_id: int,
        shown: Sequence[Column],
        *,
        opened: Container[int] | None = None,
        local: bool = False,
    ) -> None:
        self._fills = fills
        self._overview = overview
        self._cycle_id = cycle_id
        self._shown = shown
        self._local = local
        self._keys = list(_keys(overview.repeats, opened))
        self._numbers: dict[Hashable, int] = {k: n for n, k in enumerate(self._keys)}

    def __len__(self) -> int:
        return len(self._keys)

    def row(self, number: int) -> Row | None:
        if not 0 <= number < len(self._keys):
            return None
        key = self._keys[number]
        if isinstance(key, Rest):
            more = line((f"… {count(key.after - key.first)} more ignored", Tone.FAINT))
            found = {"ledger": more}
        else:
            found = self._cells(key)
        return Row(key, tuple(found.get(column.title, ()) for column in self._shown))

    def number_of(self, key: Hashable) -> int | None:
        return self._numbers.get(key)

    def _cells(self, number: int) -> dict[str, Line]:
        fill, overview = self._fills[number], self._overview
        rank = Tone.DIM if overview.repeats[number] else Tone.PLAIN
        widths = {column.title: column.width for column in self._shown}
        qty, price = (_figure(fill.qty, widths["qty"]), _figure(fill.price, widths["price"]))
        return {
            "time": line((clock(fill.ts_ms, local=self._local), Tone.DIM)),
            "trade": line((fill.trade_id or NONE, rank)),
            "symbol": line((fill.symbol, rank)),
            "side": line((fill.side, rank)),
            "qty": line((overview.qty.placed(qty, widths["qty"]), rank)),
            "price": line((overview.price.placed(price, widths["price"]), rank)),
            "ledger": outcome(fill, self._cycle_id),
        }


def outcome(fill: "FillLine", cycle_id: int) -> Line:
    """`+ fill +fee`, `= ignored  from 1,277`, `≠ conflict  …`, `· not booked  …`, `◆ …`."""
    if fill.reason is not None:
        return line(("◆ quarantined", Tone.ATTENTION), (f"  {fill.reason}", Tone.DIM))
    if not fill.events:
        return line(("· no part of this cycle", Tone.FAINT))
    parts = []
    by_outcome = {
        found: [event for event in fill.events if event.outcome == found]
        for found in ("conflicting", "inserted", "ignored", "unbooked")
    }
    if events := by_outcome["conflicting"]:
        parts.append(line(("≠ conflict", Tone.DANGER), (_details(events), Tone.PLAIN)))
    if events := by_outcome["inserted"]:
        names = " +".join(event.type.lower() for event in events)
        parts.append(line((f"+ {names}", Tone.OK)))
    if events := by_outcome["ignored"]:
        names = "ignored" if len(events) == len(fill.events) else _names(events)
        parts.append(line((f"= {names}", Tone.DIM), (_from(events, cycle_id), Tone.FAINT)))
    if events := by_outcome["unbooked"]:
        parts.append(line(("· not booked", Tone.ATTENTION), (_details(events), Tone.DIM)))
    return joined(parts, "  ")


def earlier_cycle(fill: "FillLine", cycle_id: int) -> int | None:
    """The cycle that had booked what this one was told again."""
    found = (event.cycle_id for event in fill.events if event.outcome != "inserted")
    return next((other for other in found if other is not None and other != cycle_id), None)


def columns(overview: Overview, width: int) -> tuple[Column, ...]:
    """As wide as the content needs; the ledger's column gets the rest, and has what it needs."""
    shown = [
        Column("time", 8),
        Column("trade", _room("trade", overview.trade)),
        Column("symbol", _room("symbol", overview.symbol)),
        Column("side", 4),
        Column("qty", _room("qty", overview.qty.width), right=True),
        Column("price", _room("price", overview.price.width), right=True),
    ]
    for name in _DROPPED:
        if 1 + OUTCOME_WIDTH + sum(column.width + GAP for column in shown) > width:
            shown = [column for column in shown if column.title != name]
    return (*shown, Column("ledger", 0))


def _room(title: str, width: int) -> int:
    return min(max(len(title), width), _WIDEST[title])


def _figure(text: str, width: int = 0) -> str:
    return money(text, width) if text else ""


def _keys(repeats: Sequence[bool], opened: Container[int] | None) -> Iterator[int | Rest]:
    """The number of each fill that is shown, and the rest of each run. `opened` null is all."""
    for repeated, group in groupby(range(len(repeats)), key=repeats.__getitem__):
        run = list(group)
        folded = run[SHOWN_OF_RUN:] if repeated and opened is not None else []
        if len(folded) < 2 or (opened is not None and folded[0] in opened):
            yield from run
        else:
            yield from run[:SHOWN_OF_RUN]
            yield Rest(folded[0], folded[-1] + 1)


def _names(events: "Iterable[EventOutcome]") -> str:
    return " ".join(event.type.lower() for event in events)


def _details(events: "Iterable[EventOutcome]") -> str:
    texts = dict.fromkeys(event.detail for event in events if event.detail)
    return "".join(f"  {text}" for text in texts)


def _from(events: "Iterable[EventOutcome]", cycle_id: int) -> str:
    sources = sorted({event.cycle_id for event in events if event.cycle_id is not None})
    if sources == [cycle_id]:
        return "  said twice"
    return "  from " + ", ".join(map(count, sources)) if sources else ""
