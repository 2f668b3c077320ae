from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region

from console.app.styles import stylesheets
from console.app.themes import DARK
from console.kit.line_widget import Lines, caption, changed_rows
from console.kit.lines import Line, Tone, fitted, line, plain, width_of
from tests.console import seen


class Said(Lines):
    def __init__(self, *lines: Line) -> None:
        super().__init__(classes="panel")
        self.said: Sequence[Line] = lines

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return self.said


class Saying(App[None]):
    CSS_PATH: ClassVar[Any] = stylesheets()
    CSS = "Said { width: 20; height: 5; }"

    def __init__(self, *lines: Line) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self._lines = lines

    def compose(self) -> ComposeResult:
        yield Said(*self._lines)


texts = st.lists(st.tuples(st.text(max_size=12), st.sampled_from(Tone)), max_size=6)


@given(texts, st.integers(1, 40), st.booleans())
def test_a_fitted_line_is_exactly_as_wide_as_asked_for(
    parts: list[tuple[str, Tone]], width: int, right: bool
) -> None:
    found = fitted(line(*parts), width, right=right)
    assert width_of(found) == width


@given(texts, st.integers(1, 40))
def test_a_line_that_was_cut_says_so(parts: list[tuple[str, Tone]], width: int) -> None:
    whole = line(*parts)
    found = plain(fitted(whole, width))
    assert ("…" in found) == (width_of(whole) > width or "…" in plain(whole))


def test_a_wide_character_is_not_halved() -> None:
    assert plain(fitted(line("比特币"), 4)) == "比 …"
    assert cell_len(plain(fitted(line("比特币"), 4))) == 4


def test_rows_that_changed_are_found_by_number() -> None:
    assert changed_rows(["a", "b"], ["a", "c", "d"]) == [1, 2]
    assert changed_rows(["a", "b"], ["a"]) == [1]
    assert changed_rows(["a"], ["a"]) == []


async def test_a_line_that_is_too_long_ends_in_an_ellipsis() -> None:
    async with Saying(line("123456789 123456789")).run_test() as pilot:
        await pilot.pause()
        assert "123456789 12345…" in seen.text(pilot.app)


async def test_only_the_rows_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Saying(line("one"), line("two"), line("three")).run_test() as pilot:
        await pilot.pause()
        widget = pilot.app.query_one(Said)
        drawn: list[Any] = []
        monkeypatch.setattr(widget, "refresh", lambda *regions, **_: drawn.extend(regions))
        widget.redraw()
        assert drawn == []
        widget.said = [line("one"), line("2"), line("3")]
        widget.redraw()
        assert drawn == [Region(0, 1, widget.size.width, 2)]


async def test_tones_are_told_apart_and_a_badge_keeps_to_its_text() -> None:
    said = line((" SIM ", Tone.BADGE), "  ", ("ok", Tone.OK), ("  "), ("bad", Tone.DANGER))
    async with Saying(said).run_test() as pilot:
        await pilot.pause()
        widget = pilot.app.query_one(Said)
        found = {segment.text.strip(): segment for segment in widget.render_line(0)}
        badge, blank = found["SIM"], found[""]
        assert badge.text == " SIM "
        assert badge.style
        assert blank.style
        assert badge.style.bgcolor != blank.style.bgcolor
        assert found["ok"].style != found["bad"].style


async def test_a_caption_is_text_and_never_markup() -> None:
    async with Saying(line("one")).run_test() as pilot:
        widget = pilot.app.query_one(Said)
        caption(widget, "[red]BTC[/] \x1b]0;x\x07", "a[/]")
        await pilot.pause()
        shown = seen.text(pilot.app)
        assert "[red]BTC[/]" in shown
        assert "a[/]" in shown
        assert "\x1b" not in shown


async def test_a_caption_that_is_the_same_is_not_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Saying(line("one")).run_test() as pilot:
        widget = pilot.app.query_one(Said)
        caption(widget, "cycle [1]", "")
        drawn: list[Any] = []
        monkeypatch.setattr(widget, "refresh", lambda *regions, **_: drawn.append(regions))
        caption(widget, "cycle [1]", "")
        assert not drawn
        caption(widget, "cycle [2]")
        assert len(drawn) == 1
