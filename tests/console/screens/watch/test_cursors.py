from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kit.lines import Tone, plain, width_of
from console.screens.watch.cursors import (
    DAY_MS,
    TIME_WIDTH,
    CursorState,
    Market,
)
from console.session.view import ConsoleState, CursorMark, Past
from engine.cycles.results import CycleResult, Kind
from tests.console import published as p

NOW_MS = p.result(1).started_ms
KEY = "fills_cursor:"


def view_of(*results: object, **marks: CursorMark) -> ConsoleState:
    """Cursors of BTC, ETH and SOL by their first names."""
    cursors = {f"{KEY}{name}/USDT": mark for name, mark in marks.items()}
    return replace(p.view(*(results or (p.result(1),))), cursors=cursors)  # type: ignore[arg-type]


def mark(lag_ms: int = 700, still_ms: int | None = 0, held: bool = False) -> CursorMark:
    return CursorMark(NOW_MS - lag_ms, None if still_ms is None else NOW_MS - still_ms, held)


def only(view: ConsoleState) -> Market:
    (market,) = Market.all_of(view)
    return market


def told(market: Market) -> str:
    return plain(market.state_words()[0])


def test_a_cursor_that_moves_is_behind_the_clock_of_the_venue() -> None:
    market = only(view_of(BTC=mark(lag_ms=700)))
    assert market.state is CursorState.MOVING
    assert told(market) == "lag 0.7 s"
    later = p.result(1, venue_ms=NOW_MS + 5_000)
    assert told(only(view_of(later, BTC=mark(lag_ms=700)))) == "lag 5.7 s"


def test_a_quiet_market_stands_still_and_that_is_no_fault() -> None:
    market = only(view_of(SOL=mark(11 * p.MINUTE_MS, still_ms=11 * p.MINUTE_MS)))
    assert told(market) == "still 11 m"
    assert not market.is_odd
    assert {tone for line in market.state_words() for _, tone in line} == {Tone.DIM}


def test_a_held_cursor_asks_for_attention_and_says_why() -> None:
    market = only(view_of(SOL=mark(still_ms=11 * p.MINUTE_MS, held=True)))
    assert [plain(words) for words in market.state_words()] == [
        "◆ held 11 m: quarantine",
        "◆ held 11 m",
        "◆ held",
    ]
    assert {tone for line in market.state_words() for _, tone in line} == {Tone.ATTENTION}


def test_a_market_that_was_not_fetched_asks_for_attention() -> None:
    failed = p.result(1, errors=(p.notice("fetch", "FetchFailed", "timeout", p.BTC),))
    market = only(view_of(failed, BTC=mark(still_ms=3 * p.MINUTE_MS)))
    assert told(market) == "◆ not fetched, still 3 m"
    ordered = p.result(1, errors=(p.notice("execute", "OrderTrouble", "no", p.BTC),))
    assert not only(view_of(ordered, BTC=mark())).is_odd


def test_a_cursor_ahead_of_the_clock_asks_for_attention() -> None:
    assert told(only(view_of(BTC=mark(lag_ms=-30_000)))) == "◆ ahead 30 s"


def test_a_fill_just_after_the_clock_was_read_has_no_lag() -> None:
    market = only(view_of(BTC=mark(lag_ms=-300)))
    assert told(market) == "lag 0 ms"
    assert not market.is_odd


def test_a_market_without_a_fill_has_no_time_and_no_lag() -> None:
    never = CursorMark(0, NOW_MS)
    market = only(view_of(BTC=never))
    assert told(market) == "no fill yet"
    assert market.time(local=False) == "–"
    assert market.window(p.LOOKBACK_MS, 20) == ()
    assert told(only(view_of(BTC=replace(never, held=True)))) == "◆ held 0 ms: quarantine"


@pytest.mark.parametrize(
    ("days", "shown"), [(0, "12:00:00.300"), (3, "01-28 12:00"), (40, "2025-12-22")]
)
def test_a_date_of_another_year_has_its_year(days: int, shown: str) -> None:
    assert only(view_of(BTC=mark(lag_ms=days * DAY_MS + 700))).time(local=False) == shown
    assert len(shown) <= TIME_WIDTH


def test_those_that_need_a_look_come_first() -> None:
    failed = p.result(1, errors=(p.notice("fetch", "FetchFailed", "timeout", "D/USDT"),))
    view = view_of(
        failed,
        A=mark(),
        B=mark(still_ms=10 * p.MINUTE_MS),
        C=mark(lag_ms=-60_000),
        D=mark(),
        E=mark(held=True),
    )
    assert [market.symbol[0] for market in Market.all_of(view)] == ["E", "D", "C", "B", "A"]


def test_before_the_first_cycle_the_lag_is_not_known() -> None:
    view = ConsoleState(cursors={f"{KEY}{p.BTC}": CursorMark(NOW_MS, NOW_MS)})
    assert told(only(view)) == "lag –"
    assert only(view).window(p.LOOKBACK_MS, 20) == ()


def then(past: CycleResult) -> Past:
    return Past(past, (past,), {key: change.after for key, change in past.cursors.items()})


def test_where_the_venues_clock_could_not_be_had_no_lag_is_known() -> None:
    view = p.view(p.result(9), p.failed(10, venue_ms=0))
    assert {told(market) for market in Market.all_of(view)} == {"lag –"}


def test_a_replay_tells_nothing_of_the_venue() -> None:
    before = p.view(p.result(9))
    replay = p.result(10, kind=Kind.REPLAY, venue_ms=0, cursors={})
    view = before.with_results([replay])
    assert [market.lag_ms for market in Market.all_of(view)] == [
        market.lag_ms for market in Market.all_of(before)
    ]


def test_back_in_time_cursors_are_those_of_that_cycle() -> None:
    past = p.result(3, held=(p.SOL,))
    view = replace(p.view(p.result(9)), past=then(past))
    found = {market.symbol: market for market in Market.all_of(view)}
    assert found[p.SOL].state is CursorState.HELD
    assert found[p.BTC].lag_ms == 700
    assert told(found[p.SOL]) == "◆ held: quarantine"


def drawn(lag_ms: int, width: int = 21, state: CursorState = CursorState.MOVING) -> str:
    market = Market(p.BTC, NOW_MS - lag_ms, lag_ms, 0, state)
    return plain(market.window(p.LOOKBACK_MS, width))


def test_the_window_ends_at_the_cursor_and_is_a_lookback_long() -> None:
    assert drawn(0) == "──────────━━━━━━━━━━●"
    assert drawn(5 * p.MINUTE_MS) == "─────━━━━━━━━━━●────┤"
    assert drawn(15 * p.MINUTE_MS) == "━━━━━●──────────────┤"
    assert drawn(60 * p.MINUTE_MS) == "◂────────────────────"
    assert drawn(-60 * p.MINUTE_MS, state=CursorState.AHEAD).endswith("◆")


@given(st.integers(-(10**12), 10**12), st.integers(2, 120), st.sampled_from(CursorState))
def test_a_window_is_as_wide_as_asked_for(lag_ms: int, width: int, state: CursorState) -> None:
    market = Market(p.BTC, NOW_MS, lag_ms, 0, state)
    assert width_of(market.window(p.LOOKBACK_MS, width)) == width


@pytest.mark.parametrize("state", CursorState)
def test_every_standing_has_shorter_words(state: CursorState) -> None:
    words = Market(p.BTC, NOW_MS, 90_000, 90_000, state).state_words()
    widths = [width_of(line) for line in words]
    assert widths == sorted(widths, reverse=True)
