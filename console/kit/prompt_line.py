"""One line to type into: what is asked, the text, and how it is understood."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from console.kit.line_widget import TextLine
from console.kit.lines import Line, Tone, line
from console.kit.plain_input import PlainInput


class _Answer(PlainInput):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Take it")]


class PromptLine(Horizontal):
    """A prompt that is seen only while it asks: one question at a time, by its name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Leave it"),
    ]

    @dataclass
    class Answered(Message):
        """Enter."""

        question: str
        text: str

    @dataclass
    class Dismissed(Message):
        """Esc."""

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self._question = ""
        self._label_line = TextLine(id="prompt-label")
        self._typed = _Answer(id="prompt-text", compact=True)
        self._hint_line = TextLine(id="prompt-hint")
        self._hint: Callable[[str], Line] = lambda _: ()

    def compose(self) -> ComposeResult:
        yield self._label_line
        yield self._typed
        yield self._hint_line

    def ask(self, question: str, label: str, hint: Callable[[str], Line], text: str = "") -> None:
        """Ask a question; `hint` says how the text typed so far is understood."""
        self._question, self._hint = question, hint
        self._label_line.show(line((label, Tone.LIVE), " "))
        self._typed.value = text if text.isprintable() else ""
        self._typed.cursor_position = len(self._typed.value)
        self._hint_line.show(hint(self._typed.value))
        self.display = True
        self._typed.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._hint_line.show(self._hint(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = False
        self.post_message(self.Answered(self._question, event.value))

    def action_dismiss(self) -> None:
        self.display = False
        self.post_message(self.Dismissed())
