"""A statement to type, with completion and history."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from console.browser.completion import begun, quoted
from console.browser.model import BrowseError
from console.browser.ui.queries import QueryHistory
from console.kit.lines import Line, Tone, joined, line
from console.kit.plain_input import PlainTextArea, typable
from console.kit.text_line import TextLine
from console.kit.workers import begin

Complete = Callable[[str, int], Awaitable[tuple[str, ...]]]
_HINT: Line = line(
    ("ctrl+r runs · tab completes · ctrl+up ctrl+down earlier ones · esc back", Tone.FAINT)
)


class QueryPane(Vertical):
    """`Run` asks for a statement's rows."""

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
        self._said_line = TextLine(id="query-said")
        self._history = history
        self._complete = complete
        self._suggested = ""
        self._recalled: int | None = None
        self._draft = ""
        self._words: Sequence[str] = ()
        self._word = 0
        self._standing = ""
        self._completed = ""
        self._said: Line = _HINT

    def compose(self) -> ComposeResult:
        yield self.area
        yield self._said_line

    def on_mount(self) -> None:
        self.border_title = "sql"
        self.say(_HINT)

    def say(self, said: Line = _HINT) -> None:
        """What became of the statement."""
        self._said = said
        self._said_line.show(said)

    def open(self, table: str) -> None:
        """To type into. Where nothing was typed yet, a statement about the table is there: as it
        is, or replaced by what is typed."""
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
            self.say(line(("▲ ", Tone.ATTENTION), f"history not kept: {error.strerror}"))
        self._recalled = None
        self.post_message(self.Run(sql))

    def action_leave(self) -> None:
        if self._words:
            self._close_words()
        else:
            self.post_message(self.Left())

    def action_recall(self, by: int) -> None:
        """Through the history; after the newest comes what was being typed."""
        known = self._history.statements
        if self._recalled is None:
            self._draft, self._recalled = self.area.text, len(known)
        self._recalled = max(0, min(self._recalled + by, len(known)))
        at_draft = self._recalled == len(known)
        self._put(self._draft if at_draft else known[self._recalled])

    def _put(self, sql: str) -> None:
        self.area.text = typable(sql)
        self.area.move_cursor(self.area.document.end)

    # --- completion

    def action_complete(self, by: int) -> None:
        if self._words:
            self._choose(self._word + by)
        else:
            begin(self, self._look_up, exclusive=True)

    async def _look_up(self) -> None:
        area = self.area
        before = area.get_text_range((0, 0), area.cursor_location)
        text = area.text
        try:
            found = await self._complete(text, len(before))
        except BrowseError as trouble:
            self.say(line(("▲ ", Tone.ATTENTION), str(trouble)))
            return
        if area.text != text:
            return
        row, column = area.cursor_location
        self._standing = begun(area.document[row], column)
        self._words = [word for word in found if word.isprintable()]
        self._choose(0)

    def _choose(self, place: int) -> None:
        """Put a word in place of the one that stands there; the only one there is, for good."""
        if not self._words:
            return
        self._word = place % len(self._words)
        area = self.area
        row, column = area.cursor_location
        word, before = self._words[self._word], (row, column - len(self._standing))
        area.replace(word, before, (row, column))
        self._standing, self._completed = word, area.text
        if len(self._words) == 1:
            self._close_words()
        else:
            self._said_line.show(self._menu())

    def _menu(self) -> Line:
        """The words from the chosen one on."""
        words = [*self._words[self._word :], *self._words[: self._word]]
        parts = [line((word, Tone.DIM)) for word in words[1:40]]
        return joined([line(("▸ ", Tone.LIVE), (words[0], Tone.STRONG)), *parts], "  ")

    def _close_words(self) -> None:
        self._words = ()
        self._said_line.show(self._said)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Whatever else is typed ends the choice of words."""
        event.stop()
        if self._words and self.area.text != self._completed:
            self._close_words()
