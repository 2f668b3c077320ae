"""A screenshot made compact shows the same cells."""

import re
from xml.etree import ElementTree

import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import Static

from docs.svg import compact

NAMESPACE = "{http://www.w3.org/2000/svg}"


class Shown(App[None]):
    CSS = "Static { width: auto; background: #112233; color: #445566; }"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield Static(Text(self._text))


async def picture(text: str) -> str:
    app = Shown(text)
    async with app.run_test(size=(40, 4)):
        return compact(app.export_screenshot(simplify=True))


def texts(svg: str) -> dict[str, tuple[float, float, float]]:
    """x, y and width of each text."""
    found = ElementTree.fromstring(svg).iter(f"{NAMESPACE}text")
    return {
        (text.text or "").replace("\N{NO-BREAK SPACE}", " "): (
            float(text.get("x", 0)),
            float(text.get("y", 0)),
            float(text.get("textLength", 0)),
        )
        for text in found
    }


def rects(svg: str, **wanted: str) -> list[tuple[float, ...]]:
    """x, y, width and height of rectangles with these attributes."""
    return [
        tuple(float(rect.get(name, 0)) for name in ("x", "y", "width", "height"))
        for rect in ElementTree.fromstring(svg).iter(f"{NAMESPACE}rect")
        if all(rect.get(name) == value for name, value in wanted.items())
    ]


async def test_words_stand_in_their_cells() -> None:
    found = texts(await picture("one\n   two  three "))
    assert found["one"] == pytest.approx((0, 20, 36.6))
    assert found["two  three"] == pytest.approx((3 * 12.2, 44.4, 10 * 12.2), abs=0.01)


async def test_what_is_between_words_of_one_look_stays() -> None:
    assert "a   b" in texts(await picture("a   b"))


async def test_wide_characters_keep_their_two_cells() -> None:
    assert texts(await picture("深x"))["深x"] == pytest.approx((0, 20, 36.6))


async def test_hostile_text_stays_text() -> None:
    assert "</text><script>&amp;" in texts(await picture("</text><script>&amp;"))


async def test_blocks_are_drawn_to_an_eighth_of_a_cell() -> None:
    svg = await picture(" ▂█")
    low, full = sorted(rects(svg)[-2:])
    assert low == pytest.approx((12.2, 1.5 + 24.4 * 3 / 4, 12.2, 24.4 / 4), abs=0.01)
    assert full == pytest.approx((24.4, 1.5, 12.2, 24.4), abs=0.01)
    assert not any("█" in text for text in texts(svg))


async def test_equal_blocks_side_by_side_are_one_rectangle() -> None:
    assert rects(await picture("████"))[-1] == pytest.approx((0, 1.5, 48.8, 24.4), abs=0.01)


async def test_lines_of_one_colour_are_one_path() -> None:
    paths = re.findall(r'stroke="(#\w+)"', await picture("╭──╮\n│  │\n╰──╯"))
    assert paths == ["#445566"]


async def test_the_ground_is_drawn_once_and_what_differs_over_it() -> None:
    svg = await picture("abc")
    assert rects(svg, fill="#112233") == [pytest.approx((0, 1.5, 36.6, 24.4), abs=0.01)]


async def test_no_font_is_fetched() -> None:
    svg = await picture("abc")
    assert "font-face" not in svg
    assert "monospace" in svg


async def test_it_is_the_same_text_each_time() -> None:
    assert await picture("▂█ abc") == await picture("▂█ abc")
    assert not re.search(r"terminal-\d", await picture("abc"))
