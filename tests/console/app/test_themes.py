"""What is read can be read: on every ground, in every theme."""

from dataclasses import replace

import pytest
from textual.color import Color
from textual.theme import Theme

from console.app.themes import DARK, LIGHT, THEMES
from console.screens.watch.watch import WatchScreen
from console.session.view import ConsoleState, CursorMark, Trouble
from engine.cycles.results import CycleStatus
from tests.cases import mostly_long
from tests.console import published as p
from tests.console import seen
from tests.console.hosting import Host

# What WCAG asks of text, and of what is no text.
TEXT, GRAPHICS = 4.5, 2.8

each = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)


def contrast(one: Color, other: Color) -> float:
    """As WCAG 2 has it: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    parts = [value / 255 for value in color.rgb]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def colors(theme: Theme, *names: str) -> list[Color]:
    return [Color.parse(theme.variables.get(name) or getattr(theme, name)) for name in names]


@each
def test_text_can_be_read_on_every_ground(theme: Theme) -> None:
    texts = colors(theme, "foreground", "quiet", "success", "warning", "error", "primary")
    grounds = colors(theme, "background", "boost", "panel", "cursor-row", "band")
    assert min(contrast(text, ground) for text in texts for ground in grounds) >= TEXT


@each
def test_the_least_text_can_be_read_on_the_screen_s_ground(theme: Theme) -> None:
    faint, shade, ground, primary, error = colors(
        theme, "faint", "shade", "background", "primary", "error"
    )
    assert contrast(faint, ground) >= TEXT
    assert contrast(shade, ground) >= GRAPHICS
    assert min(contrast(ground, badge) for badge in (primary, error)) >= TEXT


def test_every_theme_has_the_same_colours() -> None:
    assert len({frozenset(theme.variables) for theme in THEMES}) == 1


def busy() -> ConsoleState:
    """A view with something in every panel."""
    troubled = p.result(
        9, status=CycleStatus.PARTIAL, errors=(p.notice("execute", "OrderTrouble", "no", p.BTC),)
    )
    view = p.view(*(p.result(number) for number in range(1, 9)), troubled)
    held = CursorMark(troubled.started_ms - 900, None, held=True)
    trouble = Trouble("No engine is running", "Start one with: cycledeck run")
    cursors = {**view.cursors, f"fills_cursor:{p.ETH}": held}
    return replace(view, cursors=cursors, trouble=trouble)


@each
@mostly_long("size", [(80, 24), (200, 60)])
async def test_no_figure_and_no_word_on_watch_is_too_faint(
    theme: Theme, size: tuple[int, int]
) -> None:
    app = Host(WatchScreen(), busy())
    async with app.run_test(size=size) as pilot:
        app.theme = theme.name
        await pilot.pause()
        await pilot.pause()
        too_faint = {
            segment.text.strip()
            for strip in seen.strips(app)
            for segment in strip
            if any(character.isalnum() for character in segment.text)
            and segment.style is not None
            and segment.style.color is not None
            and segment.style.bgcolor is not None
            and contrast(
                Color.from_rich_color(segment.style.color),
                Color.from_rich_color(segment.style.bgcolor),
            )
            < TEXT
        }
        assert too_faint == set()


def test_dark_and_light_are_what_they_say() -> None:
    assert luminance(Color.parse(DARK.background or "")) < 0.05
    assert luminance(Color.parse(LIGHT.background or "")) > 0.9
