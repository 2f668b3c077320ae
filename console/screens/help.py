"""The keys of a screen, made from its bindings: what is listed is what works."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen

from console.lines import Line, Tone, line
from console.widgets.toned import Lines

_NAMES = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "pageup": "page up",
    "pagedown": "page down",
    "enter": "enter",
}
# Textual has keys of its own for any widget; they are not what this is about.
OWN = "console."
_WIDTH = 16


class Keys(Lines):
    def __init__(self, found: Sequence[Line]) -> None:
        super().__init__(id="key-list")
        self._found = found

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return self._found


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._lines = list(_keys_of(about))

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog") as dialog:
            dialog.border_title = "keys on this screen"
            dialog.border_subtitle = "esc closes"
            keys = Keys(self._lines)
            keys.styles.height = len(self._lines)
            yield keys


def _keys_of(screen: Screen[Any]) -> Sequence[Line]:
    """One line an action, its keys together, in the order they are bound."""
    keys: dict[tuple[str, str], list[str]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.description and not binding.system and active.node.__module__.startswith(OWN):
            group = keys.setdefault((binding.action, binding.description), [])
            group.append(_name(screen, key, binding))
    return [
        line((f"{'  '.join(dict.fromkeys(names)):>{_WIDTH}}", Tone.LIVE), f"   {description}")
        for (_, description), names in keys.items()
    ]


def _name(screen: Screen[Any], key: str, binding: Binding) -> str:
    return _NAMES.get(key) or screen.app.get_key_display(binding)
