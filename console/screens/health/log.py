"""The engine's log, newest first, as it comes over the control channel."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from console.kit.formats import clock, plural
from console.kit.grid import Column, Row
from console.kit.lines import Line, Tone, line
from console.kit.listing import Listing
from console.kit.plain_input import PlainInput
from console.kit.scrolled import Paragraph
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import Logged

# Of an event's name; longer ones are cut.
WIDEST_EVENT = 28
_NONE = "no messages: an engine that is attached to tells"
_TONES = {
    "debug": Tone.DIM,
    "info": Tone.DIM,
    "warning": Tone.ATTENTION,
    "error": Tone.DANGER,
    "critical": Tone.DANGER,
}


class LogPanel(Vertical):
    """A filter keeps messages that contain its text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "All", show=False, tooltip="Every message again")
    ]

    def __init__(self) -> None:
        super().__init__(id="log", classes="panel")
        self.border_title = "log"
        self._view = ConsoleState()
        self._local = False

    def compose(self) -> ComposeResult:
        filter_line = PlainInput(placeholder="filter the log", id="log-filter")
        filter_line.display = False
        yield filter_line
        yield Listing(_columns(()), follows=True, empty=_NONE)
        yield Paragraph(id="log-told")

    def show(self, view: ConsoleState, *, local: bool) -> None:
        self._view, self._local = view, local
        wanted = self.query_one(Input).value.casefold()
        shown = [found for found in reversed(view.logs) if wanted in _text(found).casefold()]
        self._grid.set_columns(_columns(shown))
        self._grid.set_rows([_row(found, local) for found in shown])
        of = f"{len(shown)} of " if wanted else ""
        self.border_subtitle = of + plural(len(view.logs), "message")
        self._tell()

    def ask_filter(self) -> None:
        found = self.query_one(Input)
        found.display = True
        found.focus()

    def action_clear(self) -> None:
        found = self.query_one(Input)
        found.value = ""
        found.display = False
        self._grid.focus()

    def on_input_changed(self) -> None:
        self.show(self._view, local=self._local)

    def on_input_submitted(self) -> None:
        self._grid.focus()

    def on_grid_moved(self) -> None:
        self._tell()

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell)

    @property
    def selected(self) -> str | None:
        """The message under the cursor, as text."""
        return _text(self._found) if self._found else None

    @property
    def _found(self) -> "Logged | None":
        return next((found for found in self._view.logs if _key(found) == self._grid.key), None)

    @property
    def _grid(self) -> Listing:
        return self.query_one(Listing)

    def _tell(self) -> None:
        """The details of the message under the cursor, where its row has no room for them."""
        told, detail = self.query_one("#log-told", Paragraph), _detail(self._found)
        told.display = cell_len(detail) > self._grid.rest_width
        told.say([line(("▸ ", Tone.DIM), detail)])


def _columns(shown: "Iterable[Logged]") -> list[Column]:
    event = max((cell_len(found.event) for found in shown), default=0)
    return [
        Column("time", 12),
        Column("level", 8),
        Column("event", max(len("event"), min(event, WIDEST_EVENT))),
        Column("detail", 0),
    ]


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


def _detail(found: "Logged | None") -> str:
    return "  ".join(f"{name}={value}" for name, value in found.detail.items()) if found else ""


def _text(found: "Logged") -> str:
    return f"{clock(found.ts_ms, ms=True)} {found.level} {found.event} {_detail(found)}"
