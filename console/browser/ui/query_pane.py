"""The pane for typed statements, with completion and history."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from console.browser.completion import begun, quoted
from console.browser.model import BrowseError
from console.browser.ui.queries import QueryHistory
from console.kit.line_widget import TextLine
from console.kit.lines import Line, Tone, attention, joined, line
from console.kit.plain_input import PlainTextArea, typable

Complete = Callable[[str, int], Awaitable[tuple[str, ...]]]
_HINT: Line = line(
    ("ctrl+r runs · tab completes · ctrl+up ctrl+down earlier ones · esc back", Tone.FAINT)
)


class QueryPane(Vertical):
    """A text area for one statement. `Run` asks for its rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r,f5,ctrl+enter", "run", "Run the statement", priority=True),
        Binding("tab,ctrl+space,ctrl+@", "complete(1)", "Complete", show=False, priority=True),
        Binding("shift+tab", "complete(-1)", "Complete backwards", show=False, priority=True),
        Binding("ctrl+up,alt+up", "recall(-1)", "Statement before", show=False, priority=True),
        Binding("ctrl+down,alt+down", "recall(1)", "Statement after", show=False, priority=True),
        Binding("escape", "leave", "Back to the rows", show=False),
    ]

    @dataclass
    class Run(Message):
        sql: str

    class Left(Message):
        """Esc."""

    def __init__(self, history: QueryHistory, complete: Complete) -> None:
        super().__init__(id="query-pane", classes="panel")
        self.area = PlainTextArea(id="sql", compact=True, soft_wrap=True, tab_behavior="focus")
        self._remark_line = TextLine(id="query-remark")
        self._history = history
        self._complete = complete
        self._suggested = ""
        self._recalled: int | None = None
        self._draft = ""
        self._words: Sequence[str] = ()
        self._word = 0
        self._standing = ""
        self._completed = ""
        self._remark: Line = _HINT

    def compose(self) -> ComposeResult:
        yield self.area
        yield self._remark_line

    def on_mount(self) -> None:
        self.border_title = "sql"
        self.say(_HINT)

    def say(self, remark: Line = _HINT) -> None:
        """Show what became of the statement."""
        self._remark = remark
        self._remark_line.show(remark)

    def open(self, table: str) -> None:
        """Focus the text area. Where nothing was typed yet, it has a statement about the table,
        which typing replaces."""
        self.display = True
        self.area.focus()
        if table and self.area.text in ("", self._suggested):
            self._suggested = f"SELECT * FROM {quoted(table)} LIMIT 100"  # noqa: S608 - only to look at
            self._put(self._suggested)
            self.area.select_all()

    # --- running, and statements run before

    def action_run(self) -> None:
        sql = self.area.text.strip()
        if not sql:
            return
        try:
            self._history.add(sql)
        except OSError as error:
            self.say(attention(f"history not kept: {error.strerror}"))
        self._recalled = None
        self.post_message(self.Run(sql))

    def action_leave(self) -> None:
        if self._words:
            self._close_words()
        else:
            self.post_message(self.Left())

    def action_recall(self, by: int) -> None:
        """Step through the history; after the newest statement comes the draft."""
        statements = self._history.statements
        if self._recalled is None:
            self._draft, self._recalled = self.area.text, len(statements)
        self._recalled = max(0, min(self._recalled + by, len(statements)))
        at_draft = self._recalled == len(statements)
        self._put(self._draft if at_draft else statements[self._recalled])

    def _put(self, sql: str) -> None:
        self.area.text = typable(sql)
        self.area.move_cursor(self.area.document.end)

    # --- completion

    def action_complete(self, by: int) -> None:
        if self._words:
            self._choose(self._word + by)
        else:
            self._look_up()

    @work(exclusive=True)
    async def _look_up(self) -> None:
        area = self.area
        before = area.get_text_range((0, 0), area.cursor_location)
        text = area.text
        try:
            words = await self._complete(text, len(before))
        except BrowseError as trouble:
            self.say(attention(str(trouble)))
            return
        if area.text != text:
            return
        row, column = area.cursor_location
        self._standing = begun(area.document[row], column)
        self._words = [word for word in words if word.isprintable()]
        self._choose(0)

    def _choose(self, number: int) -> None:
        """Replace the begun word by a chosen one. A single choice ends the menu."""
        if not self._words:
            return
        self._word = number % len(self._words)
        area = self.area
        row, column = area.cursor_location
        word, before = self._words[self._word], (row, column - len(self._standing))
        area.replace(word, before, (row, column))
        self._standing, self._completed = word, area.text
        if len(self._words) == 1:
            self._close_words()
        else:
            self._remark_line.show(self._menu())

    def _menu(self) -> Line:
        """The words from the chosen one on."""
        words = [*self._words[self._word :], *self._words[: self._word]]
        parts = [line((word, Tone.DIM)) for word in words[1:40]]
        return joined([line(("▸ ", Tone.LIVE), (words[0], Tone.STRONG)), *parts], "  ")

    def _close_words(self) -> None:
        self._words = ()
        self._remark_line.show(self._remark)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Typing ends the choice of words."""
        event.stop()
        if self._words and self.area.text != self._completed:
            self._close_words()
