"""What is wrong, and what to do about it."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult

from console.app.base_app import HINT
from console.app.styles import stylesheets
from console.app.themes import DARK
from console.kit.lines import Tone
from console.screens.shared.banner import Banner
from console.session.view import ConsoleState, Trouble
from tests.console import seen

ENDED = Trouble(
    "The engine ended with exit code 1: error: recorded:nix.jsonl: [Errno 2] No such file or "
    "directory: 'nix.jsonl'",
    "The ledger stands as of its last commit. E starts the engine again.",
)
DAMAGED = Trouble(
    "database disk image is malformed",
    "Stop the engine, keep this file, put a backup in its place: the next cycles catch up. Then: "
    "cycledeck verify",
)
FREE = ConsoleState()


class Bannered(App[None]):
    CSS_PATH: ClassVar[Any] = stylesheets()

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield Banner()


def troubled(trouble: Trouble) -> ConsoleState:
    return replace(FREE, trouble=trouble)


async def shown(app: Bannered, pilot: Any, view: ConsoleState, hint: str = "") -> list[str]:
    app.query_one(Banner).show(view, hint)
    await pilot.pause()
    banner = app.query_one(Banner)
    return seen.inside(app, "#banner") if banner.display else []


async def test_a_banner_that_comes_back_says_what_it_said() -> None:
    app = Bannered()
    async with app.run_test(size=(80, 24)) as pilot:
        first = await shown(app, pilot, troubled(DAMAGED))
        assert "database disk image is malformed" in first[0]
        assert await shown(app, pilot, FREE) == []
        assert await shown(app, pilot, troubled(DAMAGED)) == first


@pytest.mark.parametrize("trouble", [ENDED, DAMAGED])
@pytest.mark.parametrize("width", [80, 60, 120])
async def test_nothing_of_it_is_cut_it_goes_on_below(trouble: Trouble, width: int) -> None:
    app = Bannered()
    async with app.run_test(size=(width, 40)) as pilot:
        rows = await shown(app, pilot, troubled(trouble))
        said = " ".join(" ".join(rows).replace("█", " ").split())
        assert trouble.what in said
        assert trouble.todo in said
        assert "…" not in said


async def test_on_a_low_screen_what_to_do_is_cut_last() -> None:
    app = Bannered()
    async with app.run_test(size=(80, 12)) as pilot:
        what, todo = await shown(app, pilot, troubled(ENDED))
        assert what.endswith("…")
        assert todo.endswith(ENDED.todo)
        await pilot.resize_terminal(40, 10)
        await pilot.pause()
        assert [row[-1] for row in await shown(app, pilot, troubled(ENDED))] == ["…", "…"]


async def test_it_is_as_high_as_its_text_and_follows_it() -> None:
    app = Bannered()
    async with app.run_test(size=(80, 24)) as pilot:
        assert len(await shown(app, pilot, troubled(ENDED))) == 3
        assert len(await shown(app, pilot, troubled(Trouble("silent", "wait", Tone.DANGER)))) == 2
        await pilot.resize_terminal(40, 40)
        await pilot.pause()
        assert len(await shown(app, pilot, troubled(ENDED))) == 5


async def test_the_hint_of_the_first_run_fits_80_columns() -> None:
    app = Bannered()
    async with app.run_test(size=(80, 24)) as pilot:
        (row,) = await shown(app, pilot, FREE, HINT)
        assert row.endswith(HINT)
