from console.kit.chart_captions import spaced, worded
from console.kit.lines import Tone, line, plain

LONG, SHORT = line("48 attempted"), line(("48", Tone.STRONG), " tried")


def test_the_longest_words_that_fit_are_taken() -> None:
    assert worded([LONG, SHORT], 12) == LONG
    assert worded([LONG, SHORT], 11) == SHORT
    assert worded([LONG, SHORT], 1) == SHORT


def test_parts_stand_apart_and_empty_ones_leave_no_hole() -> None:
    assert plain(spaced([LONG, (), SHORT])) == "48 attempted  48 tried"
    assert plain(spaced([])) == ""
