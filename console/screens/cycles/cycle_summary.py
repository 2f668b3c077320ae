"""One cycle in a few lines, beside the list of all: what it did and what went wrong."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, joined, line
from console.kit.scrolled import Scrolled
from console.screens.cycles.cycle_facts import complaints, ledger_sum, measured
from console.screens.shared.cycle_story import committed_words, metrics_words, story
from console.screens.watch.cycle_path import STEPS

if TYPE_CHECKING:
    from engine import CycleResult

_DOT = (" · ", Tone.FAINT)


class CycleSummary(Scrolled):
    def __init__(self) -> None:
        super().__init__(id="summary", classes="panel")
        self.border_title = "cycle"
        self._cycle_id: int | None = None
        self._result: CycleResult | None = None

    def show(self, cycle_id: int | None, result: "CycleResult | None") -> None:
        """`result` is null while it is being read."""
        if cycle_id != self._cycle_id:
            self.to_top()
        self._cycle_id, self._result = cycle_id, result
        kind = f" · {result.kind}" if result else ""
        caption(self, "cycle" if cycle_id is None else f"cycle {count(cycle_id)}{kind}")
        self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        if self._result is None:
            return [line(("no record of it has been read", Tone.DIM))] if self._cycle_id else []
        return _summary(self._result)


def _summary(result: "CycleResult") -> Iterator[Line]:
    lamps = [committed_words(result), metrics_words(result)]
    yield joined([lamp for lamp in lamps if lamp], "  ")
    yield story(result)
    yield line(joined(list(_times(result)), _DOT), (" ms", Tone.DIM))
    if result.committed:
        yield ledger_sum(result)
        yield measured(result)
    yield from complaints(result)


def _times(result: "CycleResult") -> Iterator[Line]:
    for step, name, _ in STEPS:
        if (time := result.timings_ms.get(step)) is not None:
            yield line((f"{name} ", Tone.DIM), f"{time:,.1f}")
