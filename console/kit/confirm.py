"""The screen of a question: Cancel is its default, and a key of its own confirms."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from console.kit.line_widget import Paragraph
from console.kit.lines import Tone, line
from console.kit.question import Find, Question


class ConfirmScreen(ModalScreen[bool]):
    """A question with Cancel as its default. `y` confirms: no key that opens a question does.

    Where `find` is given, the question can be confirmed only once that has returned it whole.
    """

    AUTO_FOCUS = "Input, #cancel"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "Confirm"),
        Binding("escape,n,q", "dismiss(False)", "Cancel"),
        Binding("left,h", "app.focus_previous", "Other button", show=False),
        Binding("right,l", "app.focus_next", "Other button", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, question: Question, find: Find | None = None) -> None:
        super().__init__()
        self.question = question
        self._find = find

    def compose(self) -> ComposeResult:
        question, whole = self.question, self._find is None
        with Vertical(id="dialog") as dialog:
            dialog.border_title = line(question.title)[0][0].replace("[", r"\[")
            with VerticalScroll(id="seen", can_focus=False):
                yield Paragraph(question.facts, id="facts")
            if question.account is not None and whole:
                asked = line("Type the account's name to go on: ", (question.account, Tone.STRONG))
                yield Paragraph([asked], id="asked")
                yield Input(id="account")
            with Horizontal(id="buttons"):
                yield Button("Cancel  esc", id="cancel")
                key = "y" if question.account is None else "enter"
                confirm = f"{question.confirm}  {key}"
                yield Button(confirm, id="confirm", variant="primary", disabled=not self._ready)

    def on_mount(self) -> None:
        self.app.clear_notifications()  # They would lie over what is asked.
        if self._find is not None:
            self._become_whole(self._find)

    @work
    async def _become_whole(self, find: Find) -> None:
        question = await find()
        if question is None:
            self.dismiss(False)
            return
        self.question, self._find = question, None
        await self.recompose()
        self.query(self.AUTO_FOCUS).first().focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#confirm", Button).disabled = not self._ready

    def on_input_submitted(self) -> None:
        self.action_confirm()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "confirm" and self._ready)

    def action_confirm(self) -> None:
        if self._ready:
            self.dismiss(True)

    def action_scroll(self, rows: int) -> None:
        self.query_one("#seen").scroll_relative(y=rows, animate=False)

    @property
    def _ready(self) -> bool:
        if self._find is not None:
            return False
        account = self.question.account
        return account is None or any(typed.value == account for typed in self.query(Input))
