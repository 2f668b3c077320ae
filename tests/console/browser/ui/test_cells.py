"""Cells: every digit, NULL unlike empty, and nothing that a terminal would act on."""

import pytest

from console.browser.model import Cell
from console.browser.ui.cells import Times, is_decimal_text, moment_of, shown, with_time
from console.kit.lines import Tone, literal, plain

HOSTILE = [
    "note [/x] end",
    "[red]red[/red]",
    "\x1b]0;pwn\x07",
    "\x9b31m",
    "a\u202eb",
    "a\u200bb\ufeff",
    "line\nbreak\ttab\0nul",
    "\ud800 lone",
]


def test_null_is_unlike_empty_and_unlike_a_text_that_says_so() -> None:
    assert shown(Cell("null")) == (("NULL", Tone.FAINT),)
    assert plain(shown(Cell("text", ""))) == "''"
    assert plain(shown(Cell("text", "NULL"))) == "'NULL'"


@pytest.mark.parametrize("digits", ["12345678901234567890.123456789012345678", "1e-08", "-0.0"])
def test_every_digit_that_is_stored_is_shown(digits: str) -> None:
    assert plain(shown(Cell("text", digits))) == digits
    assert plain(shown(Cell("real", digits))) == digits


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_would_act_on_is_an_escape(text: str) -> None:
    drawn = plain(shown(Cell("text", text)))
    assert drawn.isprintable()
    assert "[/x]" in drawn if "[/x]" in text else True


def test_an_escape_is_unlike_the_same_letters() -> None:
    assert literal("a\\nb") == (("a\\nb", Tone.PLAIN),)
    assert literal("a\nb") == (("a", Tone.PLAIN), ("\\n", Tone.DIM), ("b", Tone.PLAIN))


def test_a_blob_shows_its_beginning_and_its_length() -> None:
    assert plain(shown(Cell("blob", "01ab"))) == "x'01ab' 2 B"
    assert plain(shown(Cell("blob", "00" * 32))) == f"x'{'00' * 8}…' 32 B"
    assert plain(shown(Cell("blob", "00" * 2_000, 5_000_000))) == f"x'{'00' * 8}…' 4.8 MiB"


def test_a_long_text_ends_in_an_ellipsis() -> None:
    drawn = plain(shown(Cell("text", "x" * 10_000)))
    assert drawn.endswith("x…")
    assert len(drawn) < 1_000


def test_a_text_of_which_only_the_beginning_is_here_ends_in_an_ellipsis() -> None:
    assert plain(shown(Cell("text", "begun", 70_000))) == "begun…"


def test_a_time_stands_beside_its_raw_value() -> None:
    cell = Cell("integer", "1767225602750")
    assert plain(with_time(cell, shown(cell), Times.RAW)) == "1767225602750"
    both = plain(with_time(cell, shown(cell), Times.UTC))
    assert both == "1767225602750  2026-01-01 00:00:02.750"


@pytest.mark.parametrize(
    "cell",
    [Cell("integer", "41"), Cell("text", "1767225602750"), Cell("integer", "9" * 19), Cell("null")],
)
def test_what_can_be_no_moment_is_none(cell: Cell) -> None:
    assert moment_of(cell) is None


@pytest.mark.parametrize("text", ["1", "-0.5", "+3.", ".5", "1e-8"])
def test_decimal_texts(text: str) -> None:
    assert is_decimal_text(Cell("text", text))


@pytest.mark.parametrize("text", ["", "-", "1_000", "١", "0x1", "1,5", "nan", " 1"])
def test_no_decimal_texts(text: str) -> None:
    assert not is_decimal_text(Cell("text", text))
