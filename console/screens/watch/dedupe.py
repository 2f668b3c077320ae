"""Ledger dedupe: how many events each cycle tried to insert, and what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Vertical

from console.kit.bars import Bar, Stacked
from console.kit.chart import Chart
from console.kit.chart_captions import Figures, Wordings, spaced
from console.kit.formats import count, figure, plural
from console.kit.line_widget import caption, fitted, width_of
from console.kit.lines import Line, Tone, line
from console.session.per_cycle import PerCycle
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult

# How many cycles are added up where no chart says how many are seen.
RECENT = 36

WORDS: Final = ("attempted", "inserted", "ignored")
SHORT: Final = ("att", "ins", "ign")


@dataclass(frozen=True, slots=True)
class Counted:
    """Ledger events of some cycles: attempted = inserted + ignored + conflicting."""

    attempted: int
    inserted: int
    ignored: int
    conflicting: int

    @classmethod
    def of(cls, results: "Iterable[CycleResult]") -> "Counted":
        found = [0, 0, 0, 0]
        for result in results:
            found[0] += result.ledger_events_attempted
            found[1] += result.ledger_events_inserted
            found[2] += result.ledger_events_ignored
            found[3] += result.ledger_events_conflicting
        return cls(*found)

    @property
    def dedupe_percent(self) -> float | None:
        """Of what was attempted, how much the ledger had already; 100 only where it had all."""
        return self.ignored * 1_000 // self.attempted / 10 if self.attempted else None


class Dedupe(Vertical):
    def __init__(self) -> None:
        super().__init__(id="dedupe", classes="panel")
        self._bars = PerCycle(_bar)
        self._results: Sequence[CycleResult] = ()
        caption(self, "ledger dedupe")

    def compose(self) -> ComposeResult:
        yield Figures("waiting for the first cycle")
        yield Chart()

    def show(self, view: ConsoleState) -> None:
        if view.shown_results is not self._results:
            self._results = view.shown_results
            self._redraw()

    def on_chart_resized(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        chart = self.query_one(Chart)
        bars = map(self._bars, reversed(self._results[: chart.capacity]))
        chart.draw(Stacked(tuple(bars)))
        self._say()

    def _say(self) -> None:
        """How many cycles are added up is how many the chart shows."""
        figures = self.query_one(Figures)
        if not self._results:
            caption(self, subtitle="")
            figures.say()
            return
        many = min(self.query_one(Chart).shown or RECENT, len(self._results))
        shown = self._results[:many]
        now, recent = Counted.of(shown[:1]), Counted.of(shown)
        caption(self, subtitle=f"last {plural(many, 'cycle')}")
        figures.say(_inserted(now, _widest(shown)), _others(now), _recent(recent, many))


def _bar(result: "CycleResult") -> Bar:
    """Conflicts stand at the bottom, where the smallest is seen."""
    return (
        (result.ledger_events_conflicting, Tone.DANGER),
        (result.ledger_events_inserted, Tone.OK),
        (result.ledger_events_ignored, Tone.SHADE),
    )


def _inserted(found: Counted, widest: Counted) -> Wordings:
    """As wide as the widest of those shown would be: the words are the same cycle after cycle."""
    wordings = [(WORDS, 2), (WORDS, 1), (SHORT, 2), (SHORT, 1)]
    return [
        fitted(_labelled(found, *wording), width_of(_labelled(widest, *wording)))
        for wording in wordings
    ]


def _widest(results: "Sequence[CycleResult]") -> Counted:
    """The highest of each figure."""
    return Counted(
        max(result.ledger_events_attempted for result in results),
        max(result.ledger_events_inserted for result in results),
        max(result.ledger_events_ignored for result in results),
        max(result.ledger_events_conflicting for result in results),
    )


def _labelled(found: Counted, words: tuple[str, str, str], gap: int) -> Line:
    inserted = Tone.OK if found.inserted else Tone.STRONG
    return spaced(
        [
            line((count(found.attempted), Tone.STRONG), (f" {words[0]}", Tone.DIM)),
            line((count(found.inserted), inserted), (f" {words[1]}", Tone.DIM)),
            line((count(found.ignored), Tone.PLAIN), (f" {words[2]}", Tone.DIM)),
        ],
        gap,
    )


def _others(found: Counted) -> Wordings:
    clean = (f"{count(found.conflicting)} conflicting", Tone.DIM)
    odd = (f"≠ {count(found.conflicting)} conflicting", Tone.DANGER)
    conflicts = line(odd if found.conflicting else clean)
    return [line(conflicts, (f" · dedupe {_percent(found)}", Tone.DIM)), conflicts]


def _recent(found: Counted, many: int) -> Wordings:
    odd = line((f" ≠ {count(found.conflicting)}", Tone.DANGER)) if found.conflicting else ()
    start = f"last {count(many)}: {count(found.inserted)} of {count(found.attempted)}"
    return [
        line((f"{start} inserted · {_percent(found)}", Tone.DIM), odd),
        line((f"{start} ins · {_percent(found)}", Tone.DIM), odd),
        line((f"{start} ins", Tone.DIM), odd),
    ]


def _percent(found: Counted) -> str:
    percent = found.dedupe_percent
    return figure(percent) if percent is None else f"{percent:.1f} %"
