from textual.app import App, ComposeResult

from console.app.themes import DARK
from console.kit.line_widget import TextLine
from console.kit.lines import line
from tests.console import seen


class Lined(App[None]):
    CSS = "TextLine { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield TextLine(id="said")


async def test_a_line_that_comes_back_says_what_it_says_now() -> None:
    app = Lined()
    async with app.run_test(size=(40, 5)) as pilot:
        said = app.query_one(TextLine)
        said.show(line("price > 5"))
        await pilot.pause()
        assert seen.inside(app, "#said") == ["price > 5"]
        said.show(())
        said.display = False
        await pilot.pause()
        said.show(line("price > 5"))
        said.display = True
        await pilot.pause()
        assert seen.inside(app, "#said") == ["price > 5"]


async def test_what_does_not_fit_is_cut() -> None:
    app = Lined()
    async with app.run_test(size=(10, 5)) as pilot:
        app.query_one(TextLine).show(line("price > 5 and more"))
        await pilot.pause()
        assert seen.inside(app, "#said") == ["price > 5…"]
