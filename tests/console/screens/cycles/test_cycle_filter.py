"""The words of a filter over cycles."""

import pytest

from console.screens.cycles.cycle_filter import parsed, understood
from engine import CycleFilter


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("", None),
        ("   ", None),
        ("replay", CycleFilter(kinds=("replay",))),
        ("Live RECONCILE", CycleFilter(kinds=("live", "reconcile"))),
        ("failed skipped", CycleFilter(statuses=("failed", "skipped"))),
        ("trouble", CycleFilter(trouble=True)),
        ("locked", CycleFilter(text="locked")),
        ("was locked", CycleFilter(text="was locked")),
        ('"failed"', CycleFilter(text="failed")),
        ('replay trouble "a  b"', CycleFilter(kinds=("replay",), trouble=True, text="a  b")),
        ('"unended', CycleFilter(text='"unended')),
        ('""', None),
    ],
)
def test_words_become_a_filter(words: str, meant: CycleFilter | None) -> None:
    assert parsed(words) == meant


def test_it_says_what_it_keeps() -> None:
    assert understood("replay failed trouble x") == (
        "replay · failed · with trouble · whose errors or warnings say “x”"
    )
    assert understood("") == ""
