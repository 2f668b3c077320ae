"""The view: made anew from what comes in, in whatever order it comes."""

from itertools import permutations
from typing import Any

import pytest

from console.session.view import MOST_CYCLES, ConsoleState, Past
from engine.ledger.cursors import CursorChange
from tests.console.published import (
    BTC,
    ETH,
    NOON_MS,
    SECOND_MS,
    SOL,
    books,
    failed,
    position,
    result,
)

KEY = f"fills_cursor:{BTC}"


FROM_FILE: dict[str, Any] = {"positions": {}, "timings_ms": {"fetch": 31.2, "tx1": 4.1}}


def moved(before: int | None, after: int) -> dict[str, CursorChange]:
    return {KEY: CursorChange(before=before, after=after)}


@pytest.mark.parametrize("order", list(permutations(range(1, 5))))
def test_cycles_stand_newest_first_however_they_came(order: tuple[int, ...]) -> None:
    view = ConsoleState()
    for cycle_id in order:
        view = view.with_results([result(cycle_id)])
    assert [found.cycle_id for found in view.results] == [4, 3, 2, 1]
    assert view.latest == result(4)


def test_a_cycle_that_is_known_already_changes_nothing() -> None:
    view = ConsoleState().with_results([result(1), result(2)])
    assert view.with_results([result(1)]) is view


def test_what_was_published_is_not_replaced_by_the_lesser_that_the_file_keeps() -> None:
    view = ConsoleState().with_results([result(1)])
    again = view.with_results([result(1, **FROM_FILE)])
    assert again.results[0].positions == result(1).positions


def test_metrics_that_were_rebuilt_show_in_a_cycle_known_without() -> None:
    view = ConsoleState().with_results([result(1, metrics_persisted=False)])
    view = view.with_results([result(1, metrics_persisted=True, **FROM_FILE)])
    assert view.results[0] == result(1)


def test_a_bounded_number_of_cycles_is_kept() -> None:
    view = ConsoleState().with_results([result(n) for n in range(1, MOST_CYCLES + 51)])
    assert len(view.results) == MOST_CYCLES
    assert view.results[-1].cycle_id == 51


def test_a_cursor_remembers_when_it_moved_last() -> None:
    view = ConsoleState().with_results([result(1, cursors=moved(None, 500))])
    view = view.with_results([result(2, cursors=moved(500, 500))])
    assert view.cursors[KEY].moved_ms == NOON_MS + SECOND_MS
    view = view.with_results([result(3, cursors=moved(500, 900))])
    assert (view.cursors[KEY].value_ms, view.cursors[KEY].moved_ms) == (
        900,
        NOON_MS + 3 * SECOND_MS,
    )


def test_of_a_cursor_that_only_ever_stood_nobody_knows_when_it_moved() -> None:
    view = ConsoleState().with_results([result(1, cursors=moved(500, 500))])
    assert view.cursors[KEY].moved_ms is None


def test_a_cycle_that_committed_nothing_moves_nothing() -> None:
    view = ConsoleState().with_results([result(1)])
    after = view.with_results([failed(2)])
    assert (after.positions, after.cursors) == (view.positions, view.cursors)
    assert after.latest == failed(2)


def test_a_late_message_about_an_older_cycle_does_not_take_positions_back() -> None:
    view = ConsoleState().with_results([result(2)])
    late = result(1, positions={}, cursors=moved(None, 5))
    assert view.with_results([late]).cursors == view.cursors


def test_in_the_past_everything_shown_is_of_then() -> None:
    then = result(1, positions={}, cursors={}, held=(BTC,))
    past = Past(then, (then,), {KEY: 7})
    view = ConsoleState(past=past).with_results([result(1), result(2)])
    assert view.result is then
    assert view.shown_results == (then,)
    assert view.shown_positions == {}
    assert view.shown_cursors[KEY].value_ms == 7
    assert view.shown_cursors[KEY].held
    assert view.latest == result(2)
    assert ETH in view.positions


def test_a_ledger_that_went_back_to_a_backup_is_begun_anew() -> None:
    view = ConsoleState().with_results([result(number) for number in range(1, 6)])
    again = result(3, started_ms=result(5).started_ms + 1, positions={BTC: position(qty="9")})
    back = view.with_results([again])
    assert [found.cycle_id for found in back.results] == [3]
    assert back.positions == {BTC: position(qty="9")}


def test_cycles_that_come_late_or_again_are_of_the_same_ledger() -> None:
    view = ConsoleState().with_results([result(number) for number in (1, 2, 5)])
    late = view.with_results([result(2, **FROM_FILE), result(3), result(4)])
    assert [found.cycle_id for found in late.results] == [5, 4, 3, 2, 1]
    clock_went_back = result(6, started_ms=result(1).started_ms)
    later = late.with_results([clock_went_back, result(5)])
    assert [found.cycle_id for found in later.results] == [6, 5, 4, 3, 2, 1]


def test_what_the_file_said_before_a_commit_does_not_take_positions_back() -> None:
    view = ConsoleState().with_results([result(4)])
    before = books(last_commit_seq=3, positions={BTC: position(qty="1")})
    assert view.with_books(before).positions == result(4).positions
    now = books(last_commit_seq=4, positions={BTC: position(qty="2", fees={"USDT": "9"})})
    assert view.with_books(now).positions == now.positions


def test_positions_after_a_replay_are_at_the_last_marks_known() -> None:
    view = ConsoleState().with_results([result(1)])
    unmarked = position(qty="0.1", cost="6000", mark=None, unrealized=None)
    replayed = view.with_results([result(2, positions={BTC: unmarked, SOL: unmarked})])
    assert replayed.positions[BTC].mark == position().mark
    assert replayed.positions[BTC].unrealized == "488.01"
    unknown = ConsoleState().with_results([result(2, positions={BTC: unmarked})])
    assert unknown.positions[BTC].unrealized is None
