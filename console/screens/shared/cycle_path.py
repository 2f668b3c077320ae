"""The shown cycle as the path it took: each step with its time, two lamps, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.kit.formats import NONE, clock, count, span
from console.kit.line_widget import Lines, caption
from console.kit.lines import Line, Span, Tone, joined, line, width_of
from console.screens.shared.cycle_story import STEPS, CycleStory
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult

# The ledger's steps; the others are the venue's.
_LEDGERS: Final = {"tx1", "tx2"}
BLANK: Final[Span] = (" ", Tone.PLAIN)
# At most so many cells are shared out as bars: the path stays in one look on a wide screen.
MOST_SPARE = 60


class CyclePath(Lines):
    """One row: the path, or in its place what went wrong. Two rows: both."""

    def __init__(self) -> None:
        super().__init__(id="cycle", classes="panel")
        self._result: CycleResult | None = None
        self._local = False
        caption(self, "cycle")

    def show(self, view: ConsoleState, *, local: bool = False) -> None:
        result = view.result
        if result is self._result and local is self._local:
            return
        self._result, self._local = result, local
        if result is None:
            caption(self, "cycle", "")
        else:
            when = f"{clock(result.started_ms, ms=True, local=local)}{'' if local else ' UTC'}"
            title = f"cycle {count(result.cycle_id)} · {result.kind.value}"
            caption(self, title, f"{span(CycleStory(result).total_ms)} · {when}")
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        if self._result is None:
            return [line(("waiting for the first cycle", Tone.DIM))]
        story = CycleStory(self._result)
        if height > 1:
            return [path(self._result, width), story.outcome()]
        if story.is_remarkable:
            return [joined([story.lamps(), story.outcome()], "  ")]
        return [path(self._result, width)]


def path(result: "CycleResult", width: int) -> Line:
    """As much of it as there is room for: lamps with words, bars, names, and at last the lamps."""
    times = [result.timings_ms.get(step) for step in STEPS]
    bars = 2 * sum(time is not None for time in times)
    for worded in (True, False):
        steps = _Path(result, worded)
        bare = steps.line([0] * len(STEPS))
        spare = width - width_of(bare) - bars
        if spare >= 0:
            return steps.line(bar_lengths(times, min(spare, MOST_SPARE)))
    return bare if width_of(bare) <= width else CycleStory(result).lamps()


def bar_lengths(times: Sequence[float | None], spare: int) -> list[int]:
    """One cell for each step there was, and of `spare` ones a share in proportion to its time."""
    whole = sum(time for time in times if time is not None) or 1
    return [0 if time is None else 1 + int(time / whole * spare) for time in times]


@dataclass(frozen=True, slots=True)
class _Path:
    """A cycle's steps as they are written, with words or without."""

    result: "CycleResult"
    worded: bool

    def line(self, lengths: Sequence[int]) -> Line:
        """The steps with bars of these lengths."""
        steps = map(self._step, STEPS, lengths)
        return joined(steps, " " * (3 if self.worded else 2))

    def _step(self, step: str, length: int) -> Line:
        result, tone = self.result, Tone.OK if step in _LEDGERS else Tone.LIVE
        failed = result.errors[0].step if result.errors and not result.committed else None
        bar = (("━" * length, Tone.DANGER if step == failed else tone), BLANK) if length else ()
        return (*self._label(step), BLANK, *bar, *self._took(step), *self._lamp(step))

    def _label(self, step: str) -> Line:
        name, orders = STEPS[step], self.result.orders_submitted
        if step == "execute" and self.worded and orders:
            return line((count(orders), Tone.STRONG), (f" {name}", Tone.DIM))
        return line((name, Tone.DIM))

    def _took(self, step: str) -> Line:
        """In milliseconds, with the unit where other steps took seconds."""
        times = self.result.timings_ms
        if (time := times.get(step)) is None:
            return line((NONE, Tone.FAINT))
        if time >= 1_000:
            return line(span(time))
        units = any(other >= 1_000 for other in times.values())
        return line(f"{time:.1f}", (" ms" if units else "", Tone.DIM))

    def _lamp(self, step: str) -> Line:
        story = CycleStory(self.result)
        lamps = {"tx1": story.committed, "tx2": story.metrics}
        return line(" ", lamps[step](worded=self.worded)) if step in lamps else ()
