"""The keys at the bottom: what works here, in the room there is."""

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from console.app.styles import stylesheets
from console.app.themes import DARK
from console.kit.key_line import KeyLine
from tests.console import seen


class Keyed(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "one", "Watch"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("ctrl+s", "find", "Find"),
        Binding("question_mark", "help", "Help", key_display="?"),
    ]
    CSS_PATH: ClassVar[Any] = stylesheets()
    AUTO_FOCUS = None
    pressed = 0

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield Input()
        yield KeyLine()

    def action_one(self) -> None:
        self.pressed += 1


def keys(app: Keyed) -> str:
    return seen.inside(app, "#keys")[0]


async def test_help_is_never_cut_and_no_other_key_is_half_seen() -> None:
    app = Keyed()
    async with app.run_test(size=(60, 5)) as pilot:
        for width in range(10, 45):
            await pilot.resize_terminal(width, 5)
            *others, help_key = keys(app).strip().split("  ")
            assert help_key == "? Help"
            assert set(others) <= {"1 Watch", "/ Filter", "^s Find"}
        assert len(others) == 3


async def test_while_somebody_types_keys_that_are_letters_are_not_offered() -> None:
    app = Keyed()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        assert keys(app) == " 1 Watch  / Filter  ^s Find  ? Help"
        app.query_one(Input).focus()
        await pilot.pause()
        assert keys(app) == " ^s Find"
        app.set_focus(None)
        await pilot.pause()
        assert keys(app) == " 1 Watch  / Filter  ^s Find  ? Help"


async def test_a_click_presses_the_key() -> None:
    app = Keyed()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        await pilot.click(KeyLine, offset=(keys(app).index("Watch"), 0))
        await pilot.pause()
        assert app.pressed == 1
