"""What is wrong, and what to do."""

from collections.abc import Sequence
from textwrap import wrap

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line
from engine.text import printable


class TroublePanel(Lines):
    """`show` says it, in as many lines as it takes."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._what = ""
        self._todo: Line = ()

    def show(self, what: str, todo: Line) -> None:
        self._what, self._todo = what, todo
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        if not self._what:
            return []
        said = wrap(printable(self._what), max(8, min(width - 4, 76)))
        first = line(("▲ ", Tone.ATTENTION), (said[0], Tone.STRONG))
        rest = [line("  ", (part, Tone.STRONG)) for part in said[1:]]
        block = [first, *rest, (), line("  ", self._todo)]
        above = max(0, (height - len(block)) // 3)
        return [*([()] * above), *block]
