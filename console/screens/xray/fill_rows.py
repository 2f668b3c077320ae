"""A cycle's fills as rows: what the venue said, and what TX 1 made of it."""

from collections import Counter
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len

from console.kit.decimals import Decimals
from console.kit.formats import NONE, count, dated, is_day_of, money, stamp
from console.kit.grid import GAP, Column, Row
from console.kit.lines import Line, Tone, joined, line
from engine.text import printable

if TYPE_CHECKING:
    from engine import EventOutcome, FillLine

# Of a run of ignored fills so many are shown; a rest of one would take as much room as it saves.
SHOWN_OF_RUN = 2

# Columns: `= ignored  from 1,277` in the ledger's, and the widest of others.
OUTCOME_WIDTH = 21
_WIDEST = {"trade": 24, "symbol": 16, "qty": 26, "price": 26}
# What gives way in turn until the outcome has its room: some go, then ids and figures are cut.
_GIVE_WAY = ("time", "symbol", "side", 18, 16, 14, 12, 10, 8)
_SHORT_TRADE = 12

_OF_STATUS = {
    None: ("◆ unreadable", Tone.ATTENTION),
    "open": ("◆ quarantined", Tone.ATTENTION),
    "dropped": ("· dropped", Tone.DIM),
    "replaced": ("· replaced", Tone.DIM),
    "left out": ("· left out", Tone.FAINT),
}


@dataclass(frozen=True, slots=True)
class Rest:
    """The key of a row that stands for the rest of a run: the numbers of its fills."""

    first: int
    after: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What has to be known of all fills at once, so that rows can be made one by one.

    `kinds` counts each fill as one of: new, conflict, not booked, late fee, seen before; and each
    item that is none by what became of it.
    """

    repeats: tuple[bool, ...]
    kinds: Mapping[str, int]
    first: int
    times: tuple[int, int] | None
    trade: int
    symbol: int
    qty: Decimals
    price: Decimals

    @classmethod
    def of(cls, fills: "Sequence[FillLine]") -> "Overview":
        outcomes = [frozenset(event.outcome for event in fill.events) for fill in fills]
        return cls(
            repeats=tuple(found == _REPEAT for found in outcomes),
            kinds=Counter(map(_kind, fills)),
            first=_of_interest(outcomes),
            times=_span(fill.ts_ms for fill in fills),
            trade=_longest(fill.trade_id for fill in fills),
            symbol=_longest({fill.symbol for fill in fills}),
            qty=Decimals.of(_figure(fill.qty) for fill in fills),
            price=Decimals.of(_figure(fill.price) for fill in fills),
        )


_REPEAT = frozenset({"ignored"})


def _kind(fill: "FillLine") -> str:
    if not fill.events:
        return _OF_STATUS[fill.status][0].partition(" ")[2]
    found = {(event.type, event.outcome) for event in fill.events}
    if ("FILL", "inserted") in found:
        return "new"
    outcomes = {outcome for _, outcome in found}
    kinds = {"conflicting": "conflict", "unbooked": "not booked", "inserted": "late fee"}
    return next((kinds[name] for name in kinds if name in outcomes), "seen before")


def _span(times: Iterable[int | None]) -> tuple[int, int] | None:
    known = [time for time in times if time is not None]
    return (min(known), max(known)) if known else None


def _longest(texts: Iterable[str]) -> int:
    return max((cell_len(printable(text)) for text in texts), default=0)


def _of_interest(outcomes: Sequence[frozenset[str]]) -> int:
    """The first contradiction; else the first that was not simply a repeat; else the first."""
    for wanted in ({"conflicting"}, {"inserted", "unbooked"}):
        for number, found in enumerate(outcomes):
            if found & wanted:
                return number
    return next((number for number, found in enumerate(outcomes) if not found), 0)


class FillRows:
    """The rows of a cycle's fills, made as they are seen. `opened` are the runs shown in full;
    times of another day than that of `day_ms` have their date."""

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
        self._fills = fills
        self._overview = overview
        self._cycle_id = cycle_id
        self._shown = shown
        self._day_ms = day_ms
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
            "time": line((self._time(fill), Tone.DIM)),
            "trade": line((_ending(fill.trade_id or NONE, widths["trade"]), rank)),
            "symbol": line((fill.symbol, rank)),
            "side": line((fill.side, rank)),
            "qty": line((overview.qty.placed(qty, widths["qty"]), rank)),
            "price": line((overview.price.placed(price, widths["price"]), rank)),
            "ledger": outcome(fill, self._cycle_id),
        }

    def _time(self, fill: "FillLine") -> str:
        if fill.ts_ms is None:
            return NONE
        return dated(fill.ts_ms, self._day_ms, local=self._local)

    def told(self, number: int) -> Line:
        """What of a fill is not in its row: columns that went, ids and figures that were cut."""
        fill, widths = self._fills[number], {column.title: column.width for column in self._shown}
        untimed = "time" in widths or fill.ts_ms is None
        full = {
            "time": "" if untimed else stamp(fill.ts_ms, local=self._local),
            "symbol": fill.symbol,
            "side": fill.side,
            "trade": fill.trade_id,
            "qty": _figure(fill.qty),
            "price": _figure(fill.price),
        }
        missing = [name for name, text in full.items() if _longest([text]) > widths.get(name, 0)]
        label = {name: f"{name} " for name in ("trade", "qty", "price")}
        return joined([line((label.get(n, ""), Tone.DIM), full[n]) for n in missing], "  ")


def outcome(fill: "FillLine", cycle_id: int) -> Line:
    """`+ fill +fee`, `= ignored  from 1,277`, `≠ conflict  …`, `· not booked  …`, `◆ …`."""
    if fill.reason is not None:
        return line(_OF_STATUS[fill.status], (f"  {fill.reason}", Tone.DIM))
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


def columns(
    overview: Overview, width: int, *, day_ms: int, local: bool = False
) -> tuple[Column, ...]:
    """As wide as the content needs; the ledger's column gets the rest, and has what it needs."""
    one_day = all(is_day_of(time, day_ms, local=local) for time in overview.times or ())
    widths = {
        "time": len("12:03:11") if one_day else len("2026-01-31 12:03:11"),
        "trade": _room("trade", overview.trade),
        "symbol": _room("symbol", overview.symbol),
        "side": 4,
        "qty": _room("qty", overview.qty.width),
        "price": _room("price", overview.price.width),
    }
    for giving in _GIVE_WAY:
        if 1 + OUTCOME_WIDTH + sum(room + GAP for room in widths.values()) > width:
            widths = _without(widths, giving)
    shown = [Column(name, room, right=name in _FIGURES) for name, room in widths.items()]
    return (*shown, Column("ledger", 0))


_FIGURES = ("qty", "price")


def _without(widths: dict[str, int], giving: str | int) -> dict[str, int]:
    if isinstance(giving, str):
        return {name: room for name, room in widths.items() if name != giving}
    most = {"trade": _SHORT_TRADE} | dict.fromkeys(_FIGURES, giving)
    return {name: min(room, most.get(name, room)) for name, room in widths.items()}


def _room(title: str, width: int) -> int:
    return min(max(len(title), width), _WIDEST[title])


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
