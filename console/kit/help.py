"""The keys of a screen, made from its bindings: what is listed is what works."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line, width_of, wrapped

_NAMES = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "pageup": "page up",
    "pagedown": "page down",
    "enter": "enter",
}
# Textual has keys of its own for any widget; they are not what this is about.
OWN: Final = "console."
GAP: Final = 2
# Where there is less room beside the names, meanings follow each name.
LEAST_MEANING: Final = 20

HERE, ENGINE, ANYWHERE = "this screen", "the engine", "screens and moving"
_ENGINE_ACTIONS: Final = {"trigger", "replay", "rehearse", "pause", "kill", "backfill", "restart"}
_MOVING: Final = ("move", "page", "first", "last", "edge", "scroll")


@dataclass(frozen=True, slots=True)
class Key:
    """An action with all of its keys, its name, and what it does, where a name does not say it.
    `key` is one of them as it is pressed; it does nothing where it is not `enabled` now."""

    group: str
    keys: str
    name: str
    meaning: str
    key: str
    enabled: bool


class Keys(Lines):
    """Keys with their names and meanings; what is long goes on below its beginning."""

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__(id="key-list")
        self._keys = keys
        self._key_width = max((len(key.keys) for key in keys), default=0)
        self._name_width = max((len(key.name) for key in keys if key.meaning), default=0)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        rows: list[Line] = []
        for group in (HERE, ENGINE, ANYWHERE):
            if keys := [key for key in self._keys if key.group == group]:
                rows += [(), line((group, Tone.STRONG))] if rows else [line((group, Tone.STRONG))]
                rows += [row for key in keys for row in self._rows(key, width)]
        return rows

    def _rows(self, key: Key, width: int) -> Iterator[Line]:
        before = line((f"{key.keys:>{self._key_width}}", Tone.LIVE), " " * GAP)
        named = line(before, f"{key.name:<{self._name_width}}", " " * GAP)
        meaning = (key.meaning, Tone.DIM)
        if key.meaning and width - width_of(named) >= LEAST_MEANING:
            before, words = named, line(meaning)
        else:
            words = line(key.name, " " * GAP, meaning)
        indent = width_of(before)
        for number, row in enumerate(wrapped(words, max(width - indent, 1))):
            yield line(" " * indent if number else before, row)


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
    ]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._keys = keys_of(about)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog") as dialog:
            dialog.border_title = "keys on this screen"
            dialog.border_subtitle = "esc closes"
            yield Keys(self._keys)


def keys_of(screen: Screen[Any]) -> list[Key]:
    """The keys that work, an action's together: the screen's before those of what has the focus,
    and those of the app before those that move."""
    keys: dict[tuple[str, str], Key] = {}
    for key, active in sorted(screen.active_bindings.items(), key=_rank):
        binding = active.binding
        if not binding.description or binding.system or not _is_own(active.node, binding):
            continue
        action = (binding.action, binding.description)
        name = _NAMES.get(key) or screen.app.get_key_display(binding)
        before = keys.get(action)
        if before is None:
            group = _group(active.node, binding)
            description, tooltip = binding.description, binding.tooltip
            keys[action] = Key(group, name, description, tooltip, key, active.enabled)
        elif name not in before.keys.split():
            keys[action] = replace(before, keys=f"{before.keys}  {name}")
    return list(keys.values())


def _rank(entry: tuple[str, ActiveBinding]) -> tuple[bool, bool]:
    key, active = entry
    return not isinstance(active.node, Screen | App), not key.isdigit()


def _is_own(node: DOMNode, binding: Binding) -> bool:
    """This program binds the action, and not a widget of Textual's that one of its own is like."""
    classes = [kind for kind in type(node).__mro__ if kind.__module__.startswith(OWN)]
    bound = (own for kind in classes for own in vars(kind).get("BINDINGS", ()))
    return any(isinstance(own, Binding) and own.action == binding.action for own in bound)


def _group(node: DOMNode, binding: Binding) -> str:
    action = binding.action
    if isinstance(node, App):
        return ENGINE if action in _ENGINE_ACTIONS else ANYWHERE
    return ANYWHERE if action.startswith(_MOVING) else HERE
