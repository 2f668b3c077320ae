"""Ledger dedupe: how many events each cycle tried to insert, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from console.kit.bars import Bar, Stacked
from console.kit.formats import count, figure, plural
from console.kit.lines import Line, Tone, Wordings, fitted, joined, line, width_of
from console.screens.shared.chart_panel import ChartPanel
from console.session.per_cycle import PerCycle
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult

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
    def of(cls, results: "Sequence[CycleResult]") -> "Counted":
        return cls(*map(sum, cls._figures(results)))

    @classmethod
    def widest(cls, results: "Sequence[CycleResult]") -> "Counted":
        """The highest of each figure."""
        return cls(*map(max, cls._figures(results)))

    @staticmethod
    def _figures(results: "Sequence[CycleResult]") -> list[list[int]]:
        names = (f"ledger_events_{figure.name}" for figure in fields(Counted))
        return [[getattr(result, name) for result in results] for name in names]

    @property
    def dedupe_percent(self) -> float | None:
        """Of what was attempted, how much the ledger had already; 100 only where it had all."""
        return self.ignored * 1_000 // self.attempted / 10 if self.attempted else None

    @property
    def percent(self) -> str:
        percent = self.dedupe_percent
        return figure(percent) if percent is None else f"{percent:.1f} %"

    def inserted_row(self, widest: "Counted") -> Wordings:
        """As wide as the widest of those shown would be: the words are the same cycle after
        cycle."""
        wordings = [(WORDS, 2), (WORDS, 1), (SHORT, 2), (SHORT, 1)]
        return [
            fitted(self._labelled(*wording), width_of(widest._labelled(*wording)))
            for wording in wordings
        ]

    def _labelled(self, words: tuple[str, str, str], gap: int) -> Line:
        numbers = (self.attempted, self.inserted, self.ignored)
        tones = (Tone.STRONG, Tone.OK if self.inserted else Tone.STRONG, Tone.PLAIN)
        parts = zip(numbers, tones, words, strict=True)
        return joined(
            [line((count(n), t), (f" {word}", Tone.DIM)) for n, t, word in parts], " " * gap
        )

    def others_row(self) -> Wordings:
        clean = (f"{count(self.conflicting)} conflicting", Tone.DIM)
        odd = (f"≠ {count(self.conflicting)} conflicting", Tone.DANGER)
        conflicts = line(odd if self.conflicting else clean)
        return [line(conflicts, (f" · dedupe {self.percent}", Tone.DIM)), conflicts]

    def recent_row(self, many: int) -> Wordings:
        odd = line((f" ≠ {count(self.conflicting)}", Tone.DANGER)) if self.conflicting else ()
        start = f"last {count(many)}: {count(self.inserted)} of {count(self.attempted)}"
        return [
            line((f"{start} inserted · {self.percent}", Tone.DIM), odd),
            line((f"{start} ins · {self.percent}", Tone.DIM), odd),
            line((f"{start} ins", Tone.DIM), odd),
        ]


class Dedupe(ChartPanel):
    def __init__(self) -> None:
        super().__init__("ledger dedupe", id="dedupe")
        self._bars = PerCycle(_bar)

    def show(self, view: ConsoleState) -> None:
        if view.shown_results is not self._results:
            self._results = view.shown_results
            self.redraw()

    def figure(self, results: "Sequence[CycleResult]") -> Stacked:
        return Stacked(tuple(map(self._bars, reversed(results))))

    def subtitle(self, many: int) -> str:
        return f"last {plural(many, 'cycle')}" if many else ""

    def rows(self, results: "Sequence[CycleResult]") -> Sequence[Wordings]:
        latest, recent = Counted.of(results[:1]), Counted.of(results)
        inserted = latest.inserted_row(Counted.widest(results))
        return inserted, latest.others_row(), recent.recent_row(len(results))


def _bar(result: "CycleResult") -> Bar:
    """Conflicts stand at the bottom, where the smallest is seen."""
    return (
        (result.ledger_events_conflicting, Tone.DANGER),
        (result.ledger_events_inserted, Tone.OK),
        (result.ledger_events_ignored, Tone.SHADE),
    )
