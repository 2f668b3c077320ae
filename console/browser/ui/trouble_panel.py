"""The panel for a trouble, and for what to do about it."""

from collections.abc import Sequence
from textwrap import wrap

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line
from engine.text import printable


class TroublePanel(Lines):
    """A trouble, in as many lines as it takes."""

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
        texts = wrap(printable(self._what), max(8, min(width - 4, 76)))
        signs = [("▲ ", Tone.ATTENTION), *[("  ", Tone.PLAIN)] * (len(texts) - 1)]
        block = [line(sign, (text, Tone.STRONG)) for sign, text in zip(signs, texts, strict=True)]
        block += [(), line("  ", self._todo)]
        above = max(0, (height - len(block)) // 3)
        return [*([()] * above), *block]
