"""Whose account, how the engine is, how old this is: one line, at every width."""

import time
from dataclasses import replace
from typing import Any

import pytest

from console.kit.lines import Tone, plain
from console.screens.shared.header import Header
from console.session.view import ConsoleState, Link, Past
from engine.cycles.results import CycleResult
from tests.cases import mostly_long
from tests.console import published as p


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is five minutes after noon."""
    monkeypatch.setattr(time, "time_ns", lambda: now_ms() * 1_000_000)


def now_ms() -> int:
    return p.NOON_MS + 5 * p.MINUTE_MS


def attached(cycles: int = 3, **beat: Any) -> ConsoleState:
    view = p.view(*(p.result(number) for number in range(1, cycles + 1)))
    return replace(view, beat=p.beat(now_ms(), **beat), heard_ms=now_ms())


def shown(view: ConsoleState, width: int = 120, crumb: str = "") -> str:
    header = Header()
    header._view, header._crumb = view, crumb
    (found,) = header.lines(width, 1)
    assert len(plain(found)) == width
    return plain(found)


def back_in(view: ConsoleState, past: CycleResult) -> ConsoleState:
    return replace(view, past=Past(past, (past,)))


def test_one_cycle_ago_is_one() -> None:
    view = attached(3)
    assert "as of 12:00:01 · 2 cycles ago " in shown(back_in(view, p.result(1)))
    assert "as of 12:00:02 · 1 cycle ago " in shown(back_in(view, p.result(2)))


def test_what_ended_after_the_screen_was_frozen_was_not_some_time_ago() -> None:
    frozen = replace(attached(3), frozen=True, behind=2)
    said = shown(back_in(frozen, p.result(5)))
    assert "cycle 5 as of 12:00:05  " in said
    assert "ago" not in said
    assert "❄ frozen · 2 newer" in said


@mostly_long("width", [60, 120, 80, 200], usual=2)
@mostly_long("crumb", ["cycles › x-ray", "", "cycles"])
def test_back_in_time_the_way_to_the_present_is_always_told(width: int, crumb: str) -> None:
    assert "end live" in shown(back_in(attached(1_284), p.result(1_270)), width, crumb)


def test_the_engine_s_state_does_not_move_from_cycle_to_cycle() -> None:
    told = [
        shown(attached(220, next_cycle_ms=now_ms() + 2_000)),
        shown(attached(220, next_cycle_ms=now_ms() + 11_000)),
        shown(attached(220, next_cycle_ms=None, cycle_id=221, cycle_started_ms=now_ms() - 40)),
        shown(attached(220, next_cycle_ms=None, cycle_id=221, cycle_started_ms=now_ms() - 900)),
        shown(attached(220, next_cycle_ms=None)),
        shown(replace(attached(220), heard_ms=now_ms() - 6_000)),
    ]
    assert len({said.index("● running") for said in told}) == 1
    for said, words in zip(
        told,
        ["next in 2 s", "next in 11 s", "next in 0 s", "cycle 221 runs", "", "silent 6.0 s"],
        strict=True,
    ):
        assert words in said


def test_a_frozen_screen_does_not_say_that_the_engine_is_silent() -> None:
    frozen = replace(attached(), frozen=True, behind=3, heard_ms=now_ms() - 60_000)
    assert "❄ frozen · 3 newer   ● running every 1.0 s" in shown(frozen)
    assert "silent" not in shown(frozen)


@pytest.mark.parametrize("width", [80, 120])
def test_while_no_orders_are_sent_the_state_says_so(width: int) -> None:
    view = attached(killed="kill switch file l.db.kill exists")
    assert "● running · no orders every 1.0 s" in shown(view, width)
    header = Header()
    header._view = view
    (found,) = header.lines(width, 1)
    assert (" · no orders", Tone.ATTENTION) in found
    assert "no orders" not in shown(attached(), width)


def test_without_an_engine_it_says_how_old_the_file_s_last_cycle_is() -> None:
    view = replace(p.view(p.result(1)), link=Link.READING)
    assert "○ ledger file   last cycle 4 m ago" in shown(view)
    assert "○ ledger file   no cycle yet" in shown(replace(p.view(), link=Link.READING))
