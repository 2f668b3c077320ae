"""One cycle in a few lines, beside the list of all: what it did and what went wrong."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, joined, line
from console.kit.scrolled import Scrolled
from console.screens.shared.cycle_story import STEPS, CycleStory

if TYPE_CHECKING:
    from engine import CycleResult


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
        return self._summary(self._result)

    def _summary(self, result: "CycleResult") -> Iterator[Line]:
        story, times = CycleStory(result), result.timings_ms
        steps = (
            line((f"{name} ", Tone.DIM), f"{times[step]:,.1f}")
            for step, name in STEPS.items()
            if step in times
        )
        yield story.lamps()
        yield story.outcome()
        yield line(joined(steps, (" · ", Tone.FAINT)), (" ms", Tone.DIM))
        if result.committed:
            yield story.ledger_sum()
            yield story.measured()
        yield from story.complaints()
