"""The engine's log, newest first, as it comes over the control channel."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from console.kit.formats import clock, plural
from console.kit.grid import Column, Grid
from console.kit.line_widget import Paragraph
from console.kit.lines import Tone, line, widest
from console.kit.plain_input import PlainInput
from console.kit.rows import Row
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
        yield Grid(_columns(()), follows=True, empty=_NONE)
        yield Paragraph(id="log-detail")

    def show(self, view: ConsoleState, *, local: bool) -> None:
        self._view, self._local = view, local
        wanted = self.query_one(Input).value.casefold()
        shown = [m for m in reversed(view.logs) if wanted in self._text(m).casefold()]
        self._grid.set_columns(_columns(shown))
        self._grid.set_rows([self._row(message) for message in shown])
        of = f"{len(shown)} of " if wanted else ""
        self.border_subtitle = of + plural(len(view.logs), "message")
        self._show_detail()

    def ask_filter(self) -> None:
        typed = self.query_one(Input)
        typed.display = True
        typed.focus()

    def action_clear(self) -> None:
        typed = self.query_one(Input)
        typed.value = ""
        typed.display = False
        self._grid.focus()

    def on_input_changed(self) -> None:
        self.show(self._view, local=self._local)

    def on_input_submitted(self) -> None:
        self._grid.focus()

    def on_row_cursor_moved(self) -> None:
        self._show_detail()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_detail)

    @property
    def selected(self) -> str | None:
        """The message under the cursor, as text."""
        return self._text(self._message) if self._message else None

    @property
    def _message(self) -> "Logged | None":
        key = self._grid.key
        return next((message for message in self._view.logs if _key(message) == key), None)

    @property
    def _grid(self) -> Grid:
        return self.query_one(Grid)

    def _show_detail(self) -> None:
        """The details of the message under the cursor, where its row has no room for them."""
        panel, detail = self.query_one("#log-detail", Paragraph), _detail(self._message)
        panel.display = cell_len(detail) > self._grid.rest_width
        panel.say([line(("▸ ", Tone.DIM), detail)])

    def _row(self, message: "Logged") -> Row:
        cells = (
            line((clock(message.ts_ms, ms=True, local=self._local), Tone.DIM)),
            line((message.level, _TONES.get(message.level, Tone.PLAIN))),
            line(message.event),
            line((_detail(message), Tone.DIM)),
        )
        return Row(_key(message), cells)

    @staticmethod
    def _text(message: "Logged") -> str:
        time = clock(message.ts_ms, ms=True)
        return f"{time} {message.level} {message.event} {_detail(message)}"


def _columns(shown: "Iterable[Logged]") -> list[Column]:
    event = widest(message.event for message in shown)
    return [
        Column("time", 12),
        Column("level", 8),
        Column("event", max(len("event"), min(event, WIDEST_EVENT))),
        Column("detail", 0),
    ]


def _key(message: "Logged") -> tuple[int, int]:
    return message.ts_ms, id(message)


def _detail(message: "Logged | None") -> str:
    details = message.detail.items() if message else ()
    return "  ".join(f"{name}={value}" for name, value in details)
