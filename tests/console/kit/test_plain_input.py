"""What is pasted takes the place of what was selected, without what a terminal would act on."""

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.widgets.text_area import Selection

from console.kit.plain_input import PlainInput, PlainTextArea

PASTED = "a\x1b]0;x\x07b\r\nc"


class Typing(App[None]):
    def compose(self) -> ComposeResult:
        yield PlainInput("was here", select_on_focus=False)
        yield PlainTextArea("was here")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (8, 8, r"was herea\x1b]0;x\x07b c"),
        (0, 0, r"a\x1b]0;x\x07b cwas here"),
        (4, 8, r"was a\x1b]0;x\x07b c"),
        (8, 4, r"was a\x1b]0;x\x07b c"),
    ],
)
async def test_it_goes_where_the_cursor_is_or_over_the_selection(
    start: int, end: int, expected: str
) -> None:
    app = Typing()
    async with app.run_test() as pilot:
        typed, area = app.query_one(PlainInput), app.query_one(PlainTextArea)
        typed.selection = typed.selection._replace(start=start, end=end)
        area.selection = Selection((0, start), (0, end))
        for widget in (typed, area):
            widget.post_message(events.Paste(PASTED))
        await pilot.pause()
        assert typed.value == expected
        assert area.text == expected.replace("b c", "b\nc")
        typed.insert_text_at_cursor("!")
        area.insert("!")
        assert typed.value == expected.replace("b c", "b c!")
        assert area.text == typed.value.replace("b c", "b\nc")
