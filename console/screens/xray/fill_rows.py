"""A cycle's fills as rows: what the venue sent, and what TX 1 made of it."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from console.kit.formats import NONE, Decimals, count, dated, is_day_of, money, stamp
from console.kit.grid import Column
from console.kit.lines import Line, Tone, joined, line, widest
from console.kit.rows import MadeRows
from console.kit.widths import cut, fit, gone
from engine.text import printable

if TYPE_CHECKING:
    from engine import EventOutcome, FillLine

# Of a run of ignored fills so many are shown; a rest of one would take as much room as it saves.
SHOWN_OF_RUN: Final = 2

# Columns: `= ignored  from 1,277` in the ledger's, and the widest of others.
OUTCOME_WIDTH: Final = 21
_WIDEST: Final = {"trade": 24, "symbol": 16, "qty": 26, "price": 26}
_FIGURES: Final = ("qty", "price")
# What gives way in turn until the outcome has its room: some go, then ids and figures are cut.
_GIVE_WAY: Final = (
    gone("time"),
    gone("symbol"),
    gone("side"),
    *(cut({"trade": 12} | dict.fromkeys(_FIGURES, most)) for most in (18, 16, 14, 12, 10, 8)),
)

_OF_STATUS: Final = {
    None: ("◆ unreadable", Tone.ATTENTION),
    "open": ("◆ quarantined", Tone.ATTENTION),
    "dropped": ("· dropped", Tone.DIM),
    "replaced": ("· replaced", Tone.DIM),
    "booked": ("· booked", Tone.DIM),
    "left out": ("· left out", Tone.FAINT),
}
_REPEAT: Final = frozenset({"ignored"})


@dataclass(frozen=True, slots=True)
class Rest:
    """The key of a row that stands for the rest of a run: the numbers of its fills."""

    first: int
    after: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What rows of fills have in common, so that they can be made one by one.

    `kinds` counts each fill as one of: new, conflict, not booked, late fee, seen before; and each
    item that is none by what became of it.
    """

    repeats: tuple[bool, ...]
    kinds: Mapping[str, int]
    first: int
    times: tuple[int, int] | None
    trade: int
    symbol: int
    side: int
    qty: Decimals
    price: Decimals

    @classmethod
    def of(cls, fills: "Sequence[FillLine]") -> "Overview":
        outcomes = [frozenset(event.outcome for event in fill.events) for fill in fills]
        times = [fill.ts_ms for fill in fills if fill.ts_ms is not None]
        return cls(
            repeats=tuple(outcome == _REPEAT for outcome in outcomes),
            kinds=Counter(map(cls._kind, fills)),
            first=cls._of_interest(outcomes),
            times=(min(times), max(times)) if times else None,
            trade=widest(fill.trade_id for fill in fills),
            symbol=widest({fill.symbol for fill in fills}),
            side=widest({side_of(fill) for fill in fills}),
            qty=Decimals.of(_figure(fill.qty) for fill in fills),
            price=Decimals.of(_figure(fill.price) for fill in fills),
        )

    @staticmethod
    def _kind(fill: "FillLine") -> str:
        if not fill.events:
            return _OF_STATUS[fill.status][0].partition(" ")[2]
        if any((event.type, event.outcome) == ("FILL", "inserted") for event in fill.events):
            return "new"
        outcomes = {event.outcome for event in fill.events}
        kinds = {"conflicting": "conflict", "unbooked": "not booked", "inserted": "late fee"}
        return next((kinds[name] for name in kinds if name in outcomes), "seen before")

    @staticmethod
    def _of_interest(outcomes: Sequence[frozenset[str]]) -> int:
        """The first contradiction; else the first that was not simply a repeat; else the first."""
        for wanted in ({"conflicting"}, {"inserted", "unbooked"}):
            for number, outcome in enumerate(outcomes):
                if outcome & wanted:
                    return number
        return next((number for number, outcome in enumerate(outcomes) if not outcome), 0)

    def columns(self, width: int, *, day_ms: int, local: bool = False) -> tuple[Column, ...]:
        """As wide as the content needs; the ledger's column gets the rest, and has what it
        needs."""
        one_day = all(is_day_of(time, day_ms, local=local) for time in self.times or ())
        needs = {"trade": self.trade, "symbol": self.symbol, "side": self.side}
        needs |= {"qty": self.qty.width, "price": self.price.width}
        widths = {"time": len("12:03:11") if one_day else len("2026-01-31 12:03:11")} | {
            name: min(max(len(name), need), _WIDEST.get(name, need)) for name, need in needs.items()
        }
        widths = fit(widths, width - 1 - OUTCOME_WIDTH, _GIVE_WAY)
        shown = [Column(name, room, right=name in _FIGURES) for name, room in widths.items()]
        return (*shown, Column("ledger", 0))


class FillRows(MadeRows[int | Rest]):
    """The rows of a cycle's fills; their keys are the fills' numbers. `opened` are the runs shown
    in full; times of another day than that of `day_ms` have their date."""

    def __init__(
        self,
        fills: "Sequence[FillLine]",
        overview: Overview,
        cycle_id: int,
        shown: Sequence[Column],
        *,
        day_ms: int,
        opened: Container[int] | None = None,
        local: bool = False,
    ) -> None:
        super().__init__(list(_keys(overview.repeats, opened)))
        self._fills = fills
        self._overview = overview
        self._cycle_id = cycle_id
        self._widths = {column.title: column.width for column in shown}
        self._day_ms = day_ms
        self._local = local

    def cells(self, key: int | Rest) -> tuple[Line, ...]:
        if isinstance(key, Rest):
            more = line((f"… {count(key.after - key.first)} more ignored", Tone.FAINT))
            cells = {"ledger": more}
        else:
            cells = self._cells(key)
        return tuple(cells.get(name, ()) for name in self._widths)

    def _cells(self, number: int) -> dict[str, Line]:
        fill, overview, widths = self._fills[number], self._overview, self._widths
        rank = Tone.DIM if overview.repeats[number] else Tone.PLAIN
        qty, price = (_figure(fill.qty, widths["qty"]), _figure(fill.price, widths["price"]))
        return {
            "time": line((self._time(fill), Tone.DIM)),
            "trade": line((_ending(fill.trade_id or NONE, widths["trade"]), rank)),
            "symbol": line((fill.symbol, rank)),
            "side": line((side_of(fill), rank)),
            "qty": line((overview.qty.placed(qty, widths["qty"]), rank)),
            "price": line((overview.price.placed(price, widths["price"]), rank)),
            "ledger": outcome(fill, self._cycle_id),
        }

    def _time(self, fill: "FillLine") -> str:
        if fill.ts_ms is None:
            return NONE
        return dated(fill.ts_ms, self._day_ms, local=self._local)

    def in_full(self, number: int) -> Line:
        """What of a fill is not in its row: columns that went, ids and figures that were cut."""
        fill, widths = self._fills[number], self._widths
        untimed = "time" in widths or fill.ts_ms is None
        full = {
            "time": "" if untimed else stamp(fill.ts_ms, local=self._local),
            "symbol": fill.symbol,
            "side": side_of(fill),
            "trade": fill.trade_id,
            "qty": _figure(fill.qty),
            "price": _figure(fill.price),
        }
        missing = [name for name, text in full.items() if widest([text]) > widths.get(name, 0)]
        label = {name: f"{name} " for name in ("trade", "qty", "price")}
        return joined([line((label.get(n, ""), Tone.DIM), full[n]) for n in missing], "  ")


def side_of(fill: "FillLine") -> str:
    """`buy`; with a hedged position's side, `buy long`."""
    return fill.side + fill.position.removeprefix(fill.symbol)


def outcome(fill: "FillLine", cycle_id: int) -> Line:
    """`+ fill +fee`, `= ignored  from 1,277`, `≠ conflict  …`, `· not booked  …`, `◆ …`."""
    if fill.reason is not None:
        return line(_OF_STATUS[fill.status], (f"  {fill.reason}", Tone.DIM))
    conflicting, inserted, ignored, unbooked = (
        [event for event in fill.events if event.outcome == name]
        for name in ("conflicting", "inserted", "ignored", "unbooked")
    )
    parts = []
    if conflicting:
        parts.append(line(("≠ conflict", Tone.DANGER), _details(conflicting)))
    if inserted:
        parts.append(line((f"+ {_names(inserted, ' +')}", Tone.OK)))
    if ignored:
        names = "ignored" if len(ignored) == len(fill.events) else _names(ignored)
        parts.append(line((f"= {names}", Tone.DIM), (_from(ignored, cycle_id), Tone.FAINT)))
    if unbooked:
        parts.append(line(("· not booked", Tone.ATTENTION), (_details(unbooked), Tone.DIM)))
    return joined(parts, "  ")


def earlier_cycle(fill: "FillLine", cycle_id: int) -> int | None:
    """The cycle that had booked what this one was sent again."""
    cycles = (event.cycle_id for event in fill.events if event.outcome != "inserted")
    return next((other for other in cycles if other is not None and other != cycle_id), None)


def _ending(trade_id: str, width: int) -> str:
    """Its end, where it is cut: a market's ids begin alike."""
    text = printable(trade_id)
    if cell_len(text) <= width:
        return text
    while cell_len(text) >= width:
        text = text[1:]
    return "…" + text


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


def _names(events: "Iterable[EventOutcome]", separator: str = " ") -> str:
    return separator.join(event.type.lower() for event in events)


def _details(events: "Iterable[EventOutcome]") -> str:
    texts = dict.fromkeys(event.detail for event in events if event.detail)
    return "".join(f"  {text}" for text in texts)


def _from(events: "Iterable[EventOutcome]", cycle_id: int) -> str:
    sources = sorted({event.cycle_id for event in events if event.cycle_id is not None})
    if sources == [cycle_id]:
        return "  said twice"
    return "  from " + ", ".join(map(count, sources)) if sources else ""
