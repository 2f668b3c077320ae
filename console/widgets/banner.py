"""The banner: what is wrong and what to do about it; else, the first time, a hint. Seen only when
there is something to say."""

from collections.abc import Sequence

from textual.geometry import Size

from console.lines import Line, Tone, line
from console.view import View
from console.widgets.toned import Lines


class Banner(Lines):
    def __init__(self) -> None:
        super().__init__(id="banner")
        self._said: list[Line] = []

    def show(self, view: View, hint: str = "") -> None:
        said = _trouble(view) or _hint(hint)
        if said == self._said:
            return
        grown = len(said) != len(self._said)
        self._said = said
        self.display = bool(said)
        self.set_class(view.trouble is not None and view.trouble.tone is Tone.DANGER, "-danger")
        self.set_class(view.trouble is None, "-hint")
        self.redraw()
        if grown:
            self.refresh(layout=True)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return self._said

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._said)


def _trouble(view: View) -> list[Line]:
    if view.trouble is None:
        return []
    trouble = view.trouble
    sign = "▲" if trouble.tone is Tone.ATTENTION else "■"
    return [
        line((f" {sign} ", trouble.tone), (trouble.what, Tone.STRONG)),
        line(f"   {trouble.todo}"),
    ]


def _hint(hint: str) -> list[Line]:
    return [line((" → ", Tone.LIVE), hint)] if hint else []
