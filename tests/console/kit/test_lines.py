"""Lines of tones: where text from outside becomes printable."""

from hypothesis import given
from hypothesis import strategies as st

from console.kit.lines import Tone, fitted, joined, line, plain, width_of, worded

LONG, SHORT = line("48 attempted"), line(("48", Tone.STRONG), " tried")


@given(st.text())
def test_nothing_that_acts_on_a_terminal_gets_into_a_line(text: str) -> None:
    for found in (line(text), line((text, Tone.OK)), line(line(text), "x")):
        assert plain(found).isprintable()


def test_text_that_looks_like_markup_is_text() -> None:
    assert plain(line("BTC[/] [red]x")) == "BTC[/] [red]x"


def test_a_line_is_made_of_texts_tones_and_lines() -> None:
    found = line("a", ("b", Tone.OK), line("c", ("d", Tone.DANGER)))
    assert found == (
        ("a", Tone.PLAIN), ("b", Tone.OK), ("c", Tone.PLAIN), ("d", Tone.DANGER),
    )  # fmt: skip
    assert plain(joined([line("a"), line("b")], " · ")) == "a · b"


@given(st.lists(st.text(max_size=8), max_size=5), st.integers(1, 30), st.booleans())
def test_a_fitted_line_takes_exactly_its_width(texts: list[str], width: int, right: bool) -> None:
    assert width_of(fitted(line(*texts), width, right=right)) == width


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert plain(fitted(line("abcdef"), 4)) == "abc…"
    assert plain(fitted(line("ab"), 4, right=True)) == "  ab"


def test_the_longest_words_that_fit_are_taken() -> None:
    assert worded([LONG, SHORT], 12) == LONG
    assert worded([LONG, SHORT], 11) == SHORT
    assert worded([LONG, SHORT], 1) == SHORT


def test_parts_stand_apart_and_empty_ones_leave_no_hole() -> None:
    assert plain(joined([LONG, (), SHORT], "  ")) == "48 attempted  48 tried"
    assert plain(joined([])) == ""
