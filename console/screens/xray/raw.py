"""Evidence: what the venue sent for one fill, word for word; JSON is set out in lines."""

from collections.abc import Iterable

from console.kit.formats import count
from console.kit.json_lines import set_out
from console.kit.lines import Line, Tone, line, plain
from console.kit.scrolled import Scrolled

# More than anybody reads on a screen; the copy key has it all.
MOST_CHARACTERS = 100_000


class RawPanel(Scrolled):
    def __init__(self) -> None:
        super().__init__(id="raw", classes="panel")
        self.border_title = "raw · as the venue sent it"
        self._raw = ""

    def show(self, raw: str) -> None:
        if raw != self._raw:
            self._raw = raw
            self.redraw()
            self.to_top()

    def lines(self, width: int) -> Iterable[Line]:
        if not self._raw:
            yield line(("no raw text for this row", Tone.DIM))
            return
        yield from map(line, in_lines(self._raw[:MOST_CHARACTERS]))
        if (more := len(self._raw) - MOST_CHARACTERS) > 0:
            yield line((f"… {count(more)} more characters · y copies all", Tone.ATTENTION))


def in_lines(raw: str) -> list[str]:
    """JSON with a line for each of its parts, every key and digit as it came; other text as is."""
    lines = set_out(raw)
    return raw.split("\n") if lines is None else list(map(plain, lines))
