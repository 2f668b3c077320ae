"""Account events in a cycle's x-ray: each in its words, of many the first and how many more."""

import pytest

from console.kit.lines import plain
from console.screens.xray.account_lines import account_lines
from engine import AccountLine


def booked(number: int, reason: str = "") -> AccountLine:
    return AccountLine(f"adjust:{number}", "ADJUST", 1, "USDT", None, "5", reason)


def test_an_event_is_told_in_its_words_and_text_from_outside_is_literal() -> None:
    [told] = account_lines([booked(1, "found [/]\x1b")])
    assert plain(told).startswith("+ adjust:1  USDT 5: found [/]")
    assert "\x1b" not in plain(told)


@pytest.mark.parametrize(("count", "rows", "last"), [(5, 5, "USDT 5"), (9, 5, "and 5 more events")])
def test_of_many_it_is_said_how_many_are_not_listed(count: int, rows: int, last: str) -> None:
    told = account_lines([booked(number) for number in range(count)])
    assert len(told) == rows
    assert plain(told[-1]).endswith(last)
