"""A question before anything that reaches the exchange or changes state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from console.lines import Line, Tone, line
from console.widgets.toned import Lines


@dataclass(frozen=True, slots=True)
class Question:
    """`title` says what will be done and to what, pinned; `facts` are what there is to know.

    With `account`, its name has to be typed: this is real money.
    """

    title: str
    facts: Sequence[Line]
    confirm: str
    account: str | None = None


class Facts(Lines):
    def __init__(self, facts: Sequence[Line], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._facts = facts
        self.styles.height = len(facts)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return self._facts


class ConfirmScreen(ModalScreen[bool]):
    """Cancel is the default. `y` confirms: no key that opens a question does."""

    AUTO_FOCUS = "Input, #cancel"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "Confirm"),
        Binding("escape,n,q", "cancel", "Cancel"),
        Binding("left,h", "app.focus_previous", "Other button", show=False),
        Binding("right,l", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        question = self.question
        with Vertical(id="dialog") as dialog:
            dialog.border_title = line(question.title)[0][0].replace("[", r"\[")
            yield Facts(question.facts, id="facts")
            if question.account is not None:
                asked = line("Type the account's name to go on: ", (question.account, Tone.STRONG))
                yield Facts([asked], id="asked")
                yield Input(id="account")
            with Horizontal(id="buttons"):
                yield Button("Cancel  esc", id="cancel")
                said, named = f"{question.confirm}  y", question.account is None
                yield Button(said, id="confirm", variant="primary", disabled=not named)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#confirm", Button).disabled = not self._named

    def on_input_submitted(self) -> None:
        self.action_confirm()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "confirm" and self._named)

    def action_confirm(self) -> None:
        if self._named:
            self.dismiss(True)

    def action_cancel(self) -> None:
        self.dismiss(False)

    @property
    def _named(self) -> bool:
        account = self.question.account
        return account is None or self.query_one(Input).value == account
