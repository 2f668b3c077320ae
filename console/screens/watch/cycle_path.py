"""The shown cycle as the path it took: each step with its time, two lamps, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.kit.chart_captions import spaced
from console.kit.formats import NONE, clock, count, span
from console.kit.line_widget import Lines, caption, fitted, width_of
from console.kit.lines import Line, Span, Tone, line
from console.screens.shared.cycle_story import (
    committed_lamp,
    committed_words,
    is_told,
    metrics_lamp,
    metrics_words,
    story,
    total_ms,
)
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult

# The name of each step in a result's timings, on the screen, and its tone: the venue's and the
# ledger's.
STEPS = (
    ("fetch", "fetch", Tone.LIVE),
    ("inputs", "inputs", Tone.LIVE),
    ("tx1", "TX 1", Tone.OK),
    ("execute", "orders", Tone.LIVE),
    ("tx2", "TX 2", Tone.OK),
)
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
            caption(self, title, f"{span(total_ms(result))} · {when}")
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        result = self._result
        if result is None:
            return [line(("waiting for the first cycle", Tone.DIM))]
        if height > 1:
            return [path(result, width), fitted(story(result), width)]
        return [_told(result, width) if is_told(result) else path(result, width)]


def path(result: "CycleResult", width: int) -> Line:
    """As much of it as there is room for: lamps with words, bars, names, and at last the lamps."""
    for worded in (True, False):
        steps = _steps(result, worded)
        spare = width - _width(steps, worded) - sum(2 for step in steps if step.took)
        if spare >= 0:
            times = [result.timings_ms.get(key) for key, _, _ in STEPS]
            return _joined(steps, bar_lengths(times, min(spare, MOST_SPARE)), worded)
    bare = _joined(steps, [0] * len(steps), worded)
    return bare if width_of(bare) <= width else lamps(result)


def lamps(result: "CycleResult") -> Line:
    return spaced([committed_words(result), metrics_words(result)])


def bar_lengths(times: Sequence[float | None], spare: int) -> list[int]:
    """One cell for each step there was, and of `spare` ones a share in proportion to its time."""
    whole = sum(time for time in times if time is not None) or 1
    return [0 if time is None else 1 + int(time / whole * spare) for time in times]


@dataclass(frozen=True, slots=True)
class _Step:
    """A step as it is written: what stands before its bar, the bar's tone, and what after."""

    before: Line
    tone: Tone
    after: Line
    took: bool


def _steps(result: "CycleResult", worded: bool) -> list[_Step]:
    failed = result.errors[0].step if result.errors and not result.committed else None
    units = any(time >= 1_000 for time in result.timings_ms.values())
    found = []
    for step, name, tone in STEPS:
        time = result.timings_ms.get(step)
        after = line(_took(time, units), *_lamp(result, step, worded))
        bar = Tone.DANGER if step == failed else tone
        found.append(_Step(_label(result, step, name, worded), bar, after, time is not None))
    return found


def _width(steps: Sequence[_Step], worded: bool) -> int:
    """Without bars."""
    texts = sum(width_of(step.before) + 1 + width_of(step.after) for step in steps)
    return texts + _gap(worded) * (len(steps) - 1)


def _gap(worded: bool) -> int:
    return 3 if worded else 2


def _joined(steps: Sequence[_Step], lengths: Sequence[int], worded: bool) -> Line:
    parts: list[Line] = []
    for step, length in zip(steps, lengths, strict=True):
        bar = (("━" * length, step.tone), BLANK) if length else ()
        parts.append((*step.before, BLANK, *bar, *step.after))
    return spaced(parts, _gap(worded))


def _label(result: "CycleResult", step: str, name: str, worded: bool) -> Line:
    if step == "execute" and worded and result.orders_submitted:
        return line((count(result.orders_submitted), Tone.STRONG), (f" {name}", Tone.DIM))
    return line((name, Tone.DIM))


def _took(time: float | None, units: bool) -> Line:
    """In milliseconds, which is said where other steps took seconds."""
    if time is None:
        return line((NONE, Tone.FAINT))
    if time >= 1_000:
        return line(span(time))
    return line(f"{time:.1f}", (" ms" if units else "", Tone.DIM))


def _lamp(result: "CycleResult", step: str, worded: bool) -> list[Line | str]:
    if step == "tx1":
        return [" ", committed_words(result) if worded else committed_lamp(result)]
    if step == "tx2":
        return [" ", metrics_words(result) if worded else metrics_lamp(result)]
    return []


def _told(result: "CycleResult", width: int) -> Line:
    return fitted(spaced([lamps(result), story(result)]), width)
