"""One cycle in a few lines, beside the list of all: what it did and what went wrong."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from console.kit.formats import count, plural
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, joined, line
from console.kit.scrolled import Scrolled
from console.screens.shared.cycle_row import between
from console.screens.shared.cycle_story import STEPS, CycleStory

if TYPE_CHECKING:
    from engine import CycleResult, IdleRun


class CycleSummary(Scrolled):
    """Of idle cycles that are no longer kept, what their run says."""

    def __init__(self) -> None:
        super().__init__(id="summary", classes="panel")
        self.border_title = "cycle"
        self._cycle_id: int | None = None
        self._result: CycleResult | None = None
        self._run: IdleRun | None = None
        self._local = False

    def show(
        self,
        cycle_id: int | None,
        result: "CycleResult | None",
        run: "IdleRun | None" = None,
        *,
        local: bool = False,
    ) -> None:
        """`result` is null while it is being read, and where the cycle is in a run."""
        if cycle_id != self._cycle_id:
            self.to_top()
        self._cycle_id, self._result, self._run, self._local = cycle_id, result, run, local
        caption(self, self._title())
        self.redraw()

    def _title(self) -> str:
        if self._run is not None:
            return f"cycles {count(self._run.first)} to {count(self._run.last)} · idle"
        if self._cycle_id is None:
            return "cycle"
        kind = f" · {self._result.kind}" if self._result else ""
        return f"cycle {count(self._cycle_id)}{kind}"

    def lines(self, width: int) -> Iterable[Line]:
        if self._run is not None:
            return self._idle(self._run)
        if self._result is None:
            return [line(("no record of it has been read", Tone.DIM))] if self._cycle_id else []
        return self._summary(self._result)

    def _idle(self, run: "IdleRun") -> Iterator[Line]:
        times = between(run, local=self._local)
        yield line(plural(run.cycles, "idle cycle"), (f"  {times}", Tone.DIM))
        yield line(("They changed nothing: no fill was new, no cursor moved.", Tone.DIM))
        yield line(("Their rows were deleted after keep_idle_cycles; this run is kept.", Tone.DIM))

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
