"""The engine's log, newest first, as it comes over the control channel."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from console.formats import clock
from console.lines import Line, Tone, line
from console.view import View
from console.widgets.grid import Column, Grid, Row

if TYPE_CHECKING:
    from engine import Logged

COLUMNS = (Column("time", 12), Column("level", 8), Column("event", 28), Column("detail", 0))
_TONES = {
    "debug": Tone.FAINT,
    "info": Tone.DIM,
    "warning": Tone.ATTENTION,
    "error": Tone.DANGER,
    "critical": Tone.DANGER,
}


class LogPanel(Vertical):
    """A filter keeps messages that contain its text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "All", show=False)]

    def __init__(self) -> None:
        super().__init__(id="log", classes="panel")
        self.border_title = "log"
        self._view = View()
        self._local = False

    def compose(self) -> ComposeResult:
        filter_line = Input(placeholder="filter the log", id="log-filter")
        filter_line.display = False
        yield filter_line
        yield Grid(COLUMNS, follows=True, empty="no messages: an engine that is attached to tells")

    def show(self, view: View, *, local: bool) -> None:
        self._view, self._local = view, local
        wanted = self.query_one(Input).value.casefold()
        shown = [found for found in reversed(view.logs) if wanted in _text(found).casefold()]
        self.query_one(Grid).set_rows([_row(found, local) for found in shown])
        of = f"{len(shown)} of {len(view.logs)}" if wanted else f"{len(view.logs)}"
        self.border_subtitle = f"{of} messages"

    def ask_filter(self) -> None:
        found = self.query_one(Input)
        found.display = True
        found.focus()

    def action_clear(self) -> None:
        found = self.query_one(Input)
        found.value = ""
        found.display = False
        self.query_one(Grid).focus()

    def on_input_changed(self) -> None:
        self.show(self._view, local=self._local)

    def on_input_submitted(self) -> None:
        self.query_one(Grid).focus()

    @property
    def selected(self) -> str | None:
        """The message under the cursor, as text."""
        key = self.query_one(Grid).key
        found = next((found for found in self._view.logs if _key(found) == key), None)
        return _text(found) if found else None


def _row(found: "Logged", local: bool) -> Row:
    tone = _TONES.get(found.level, Tone.PLAIN)
    cells: tuple[Line, ...] = (
        line((clock(found.ts_ms, ms=True, local=local), Tone.DIM)),
        line((found.level, tone)),
        line(found.event),
        line((_detail(found), Tone.DIM)),
    )
    return Row(_key(found), cells)


def _key(found: "Logged") -> tuple[int, int]:
    return found.ts_ms, id(found)


def _detail(found: "Logged") -> str:
    return "  ".join(f"{name}={value}" for name, value in found.detail.items())


def _text(found: "Logged") -> str:
    return f"{clock(found.ts_ms, ms=True)} {found.level} {found.event} {_detail(found)}"
