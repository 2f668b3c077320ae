"""What exchanges do to an account: each fill counts once all the same, and what is odd is seen."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import Engine
from engine.cycles.results import CycleResult, CycleStatus, Kind
from engine.errors import (
    BadResponse,
    RateLimited,
    VenueError,
    VenueTimeout,
    VenueTransient,
    VenueUnavailable,
)
from engine.ledger.quarantine_decisions import quarantined
from engine.venue import LimitOrder, Page, VenueOrder
from tests.builders import (
    BTC,
    ETH,
    T0,
    cycles,
    fee,
    opened,
    reported,
    resolve,
    rows,
    serve,
    settings_in,
)
from tests.fakes import FakeVenue
from tests.faults.scenarios import books, health
from tests.faults.trading import trading, two_orders

MINUTE = 60_000
HOUR = 60 * MINUTE


def claims(ledger: Path) -> list[str]:
    return [row[0] for row in books(ledger)["claims"]]


def events(ledger: Path) -> list[tuple[Any, ...]]:
    """Event id, quantity, fee and its currency."""
    with opened(ledger) as connection:
        return rows(
            connection,
            "SELECT event_id, qty, fee, fee_currency FROM ledger_events ORDER BY event_id",
        )


# --- 19 to 22: the same fill again, late, contradicted, or one of many


async def test_fills_that_come_twice_and_out_of_order_count_once(tmp_path: Path) -> None:
    """FAULTS 19."""
    fills = [reported(str(n), ts=1_000 * n, fees=[fee("0.1")]) for n in range(1, 30)]
    mixed = [*reversed(fills), *fills[::3], *fills[1::2]]
    [result] = await cycles(settings_in(tmp_path, serve(tmp_path / "f", mixed), page_size=7))
    assert result.fills_count == len(fills)
    assert result.ledger_events_inserted == 2 * len(fills)
    assert result.ledger_events_ignored == 2 * (len(mixed) - len(fills))
    assert result.positions[BTC].qty == "29"


async def test_a_fill_within_the_lookback_may_be_late(tmp_path: Path) -> None:
    """FAULTS 19."""
    source = serve(tmp_path / "f", [reported("2", ts=5 * MINUTE)])
    settings = settings_in(tmp_path, source, lookback="2m")
    await cycles(settings)
    serve(source, [reported("1", "sell", ts=4 * MINUTE), reported("2", ts=5 * MINUTE)])
    [result] = await cycles(settings)
    assert result.fills_count == 1
    assert result.cursors["fills_cursor:BTC/USDT"].after == T0 + 5 * MINUTE
    assert list(health(settings.db)) == []


async def test_a_fill_later_than_the_lookback_is_found_by_the_scheduled_reconcile(
    tmp_path: Path,
) -> None:
    """FAULTS 19: beyond the lookback no cycle sees it but the ones that look back further."""
    source = serve(tmp_path / "f", [reported("2", ts=HOUR)])
    settings = settings_in(tmp_path, source, lookback="1m", reconcile_every="1ms")
    await cycles(settings)
    serve(source, [reported("1", ts=MINUTE), reported("2", ts=HOUR)])
    [result] = await cycles(settings)
    assert result.fills_count == 0
    results: list[CycleResult] = []
    async with Engine(settings) as engine:
        await engine.run(3, results.append)
    assert Kind.RECONCILE in [result.kind for result in results]
    assert sum(result.fills_count for result in results) == 1
    assert list(health(settings.db)) == []


async def test_another_story_about_a_fill_is_a_conflict_and_changes_no_books(
    tmp_path: Path,
) -> None:
    """FAULTS 20: shown, counted, kept; the first one stays."""
    source = serve(tmp_path / "f", [reported("1", amount="1"), reported("2", ts=2_000)])
    settings = settings_in(tmp_path, source)
    await cycles(settings)
    before = books(settings.db)
    serve(source, [reported("1", amount="3"), reported("2", ts=2_000)])
    [result] = await cycles(settings)
    assert result.ledger_events_conflicting == 1
    assert "ledger_conflict" in [warning.type for warning in result.warnings]
    after = books(settings.db)
    [(event_id, fields, _)] = after["conflicts"]
    assert (event_id, json.loads(fields)) == ("fill:1", {"qty": ["1", "3"]})
    assert {**after, "conflicts": []} == before


async def test_a_trade_id_that_two_markets_use_names_two_fills(tmp_path: Path) -> None:
    """FAULTS 21."""
    fills = [reported("1"), reported("1", symbol=ETH, amount="5")]
    settings = settings_in(tmp_path, serve(tmp_path / "f", fills))
    [result] = await cycles(settings)
    assert result.fills_count == 2
    assert claims(settings.db) == ["BTC/USDT:1", "ETH/USDT:1"]
    assert result.positions[ETH].qty == "5"


async def test_a_millisecond_may_hold_more_fills_than_a_page(tmp_path: Path) -> None:
    """FAULTS 22: and more of them may come after the cursor reached it."""
    fills = [reported(str(n), ts=7_000) for n in range(95)]
    source = serve(tmp_path / "f", fills[:60])
    settings = settings_in(tmp_path, source, page_size=10, lookback="0")
    await cycles(settings)
    serve(source, fills)
    [result] = await cycles(settings)
    assert result.fills_count == 35
    assert result.positions[BTC].qty == "95"


# --- 23: what cannot be fetched whole


class Cut(FakeVenue):
    """Says of no page that it is the last one, or lets a page end in an error."""

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        async for page in super().fetch_fills(symbol, since_ms):
            yield replace(page, last=page.last and symbol not in self.cut)

    cut: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "error",
    [VenueUnavailable("503"), RateLimited("429"), BadResponse("cut short"), VenueError("no")],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_on_a_page_applies_nothing_of_that_market_and_moves_no_cursor(
    error: VenueError, tmp_path: Path
) -> None:
    """FAULTS 23: the other markets go on, and it is seen."""
    fills = [reported(str(n), ts=1_000 * n, symbol=s) for n, s in enumerate([BTC, ETH] * 9, 1)]
    venue, settings = FakeVenue(fills, page_size=4), settings_in(tmp_path)
    venue.failing[BTC] = error  # once its first page was served
    async with Engine(settings, venue=venue) as engine:
        result = await engine.cycle()
        assert result.status is CycleStatus.PARTIAL
        assert [entry.symbol for entry in result.errors] == [BTC]
        assert result.fills_count == 9
        assert set(result.positions) == {ETH}
        assert set(result.cursors) == {"fills_cursor:ETH/USDT"}
        venue.failing.clear()
        assert (await engine.cycle()).fills_count == 9
    assert list(health(settings.db)) == []


async def test_pages_that_end_before_the_last_one_are_not_taken_for_all_there_is(
    tmp_path: Path,
) -> None:
    """FAULTS 23: a client that stops by itself, or an exchange that caps in silence."""
    fills = [reported(str(n), ts=1_000 * n) for n in range(1, 10)]
    venue, settings = Cut([*fills, reported("e", symbol=ETH)]), settings_in(tmp_path)
    venue.cut = frozenset({BTC})
    async with Engine(settings, venue=venue) as engine:
        result = await engine.cycle()
        assert (result.status, result.fills_count) == (CycleStatus.PARTIAL, 1)
        venue.cut = frozenset({BTC, ETH})
        result = await engine.cycle()
        assert (result.status, result.committed) == (CycleStatus.FAILED, False)
        venue.cut = frozenset()
        assert (await engine.cycle()).fills_count == 9


async def test_a_driver_error_that_is_none_of_the_venues_fails_the_cycle_and_passes(
    tmp_path: Path,
) -> None:
    """FAULTS 23: whatever a client library raises."""
    venue, settings = trading(), settings_in(tmp_path)
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        for method in ("fetch_time", "fetch_symbols", "fetch_fills", BTC, "fetch_marks"):
            venue.failing = {method: KeyError("info")}
            result = await engine.cycle()
            assert (result.status, result.committed) == (CycleStatus.FAILED, False)
            assert result.errors[-1].type == "KeyError"
            assert venue.sent == []
        for method in ("fetch_rules", "fetch_open_orders", "submit"):
            venue.failing = {method: KeyError("info")}
            result = await engine.cycle()
            assert (result.status, result.committed) == (CycleStatus.PARTIAL, True)
            assert venue.sent == []
        venue.failing = {}
        assert (await engine.cycle()).status is CycleStatus.OK
        assert len(venue.sent) == 2
    assert list(health(settings.db)) == []


# --- 24: fees


async def test_every_shape_of_fee_is_booked_once_in_its_own_currency(tmp_path: Path) -> None:
    """FAULTS 24: null, negative, several, third, base, zero, and the same said twice."""
    fills = [
        reported("1", ts=1_000, fee=None, fees=[]),
        reported("2", ts=2_000, fees=[fee("-0.0004")]),
        reported("3", ts=3_000, fees=[fee("1"), fee("0.002", "BNB"), fee("2")]),
        reported("4", ts=4_000, fees=[fee("0.001", "BTC")]),
        reported("5", ts=5_000, fees=[fee("0")]),
        reported("6", ts=6_000, fees=[fee("0.5")], fee=fee("0.5")),
        reported("7", ts=7_000, fees=[fee(None)]),
    ]
    source = serve(tmp_path / "f", fills)
    settings = settings_in(tmp_path, source)
    [result] = await cycles(settings)
    assert result.positions[BTC].fees == {"BNB": "0.002", "BTC": "0.001", "USDT": "3.4996"}
    assert result.positions[BTC].qty == "6.999"
    serve(source, [reported("1", ts=1_000, fees=[fee("9", "BNB")]), *fills[1:]])
    [result] = await cycles(settings)
    assert result.ledger_events_inserted == 1
    assert result.positions[BTC].fees["BNB"] == "9.002"
    assert ("fee:1", None, "9", "BNB") in events(settings.db)
    assert list(health(settings.db)) == []


# --- 25: what cannot be read


def spoilt(**more: object) -> str:
    return json.dumps(reported("bad", ts=2_000) | more)


UNREADABLE = {
    "nan": spoilt(amount="@").replace('"@"', "NaN"),
    "nan-text": spoilt(amount="nan"),
    "infinity": spoilt(price="@").replace('"@"', "-Infinity"),
    "too-large": spoilt(amount="@").replace('"@"', "1e400"),
    "zero": spoilt(amount="0"),
    "float-fee": spoilt(fees=[{"cost": "1e-99", "currency": "USDT"}]),
    "nul": spoilt(id="a\0b"),
    "surrogate": spoilt(id="\ud800"),
    "escape-sequence": spoilt(id="\x1b]52;c;!\x07"),
    "bidi": spoilt(order="\u202e1"),
    "symbol-10kB": spoilt(symbol="B" * 10_240 + "/USDT"),
    "no-id": spoilt(id=None),
    "empty-id": spoilt(id=""),
    "no-side": spoilt(side=None),
    "no-symbol": spoilt(symbol=None),
    "no-time": spoilt(timestamp=None),
    "microseconds": spoilt(timestamp=1_767_225_600_000_000),
    "html": "<html><head><title>502 Bad Gateway</title></head></html>",
    "array": "[1, 2]",
    "null": "null",
    "nested": "[" * 100_000,
    "fee-text": spoilt(fees="none"),
    "fee-without-currency": spoilt(fees=[{"cost": "1", "currency": None}]),
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_is_kept_with_its_reason_never_booked_never_passed_over(
    raw: str, tmp_path: Path
) -> None:
    """FAULTS 25: its market's other fills count, its cursor waits until the operator decides."""
    source = serve(tmp_path / "f", [reported("1", ts=1_000), raw, reported("3", ts=3_000)])
    settings = settings_in(tmp_path, source, symbols=(BTC,))
    results = await cycles(settings, 2)
    assert results[0].fills_count == 2
    for result in results:
        assert (result.status, result.held) == (CycleStatus.HELD, (BTC,))
        assert result.cursors["fills_cursor:BTC/USDT"].after == 0
    assert claims(settings.db) == ["1", "3"]
    with opened(settings.db) as connection:
        [item] = quarantined(connection)
        assert item.reason
        assert item.reason.isprintable()
        resolve(connection, item.id)
    [result] = await cycles(settings)
    assert (result.status, result.held) == (CycleStatus.OK, ())
    assert result.cursors["fills_cursor:BTC/USDT"].after == T0 + 3_000
    assert list(health(settings.db)) == []


async def test_a_correction_of_a_venue_without_trade_ids_gets_an_id_like_the_others(
    tmp_path: Path,
) -> None:
    """FAULTS 25: what the operator put in the place of an item is one fill of its own."""
    bad, good = reported(None, amount="1e400"), reported(None, amount="4")
    source = serve(tmp_path / "f", [reported(None), bad])
    settings = settings_in(tmp_path, source, recorded={"trade_ids": "none"})
    await cycles(settings)
    with opened(settings.db) as connection:
        [item] = quarantined(connection)
        resolve(connection, item.id, json.dumps(good))
    [result] = await cycles(settings)
    assert result.fills_count == 1
    assert claims(settings.db) == [
        f"BTC/USDT::{T0 + 1_000}:buy:100:1:1",
        f"BTC/USDT::{T0 + 1_000}:buy:100:4:1",
    ]
    serve(source, [reported(None), good])  # The exchange corrects it, too.
    [result] = await cycles(settings)
    assert (result.fills_count, result.status) == (0, CycleStatus.OK)
    assert list(health(settings.db)) == []


# --- 26: orders without an answer


async def test_an_order_that_timed_out_is_unknown_and_resolved_by_its_id(tmp_path: Path) -> None:
    """FAULTS 26: it is there; it is not sent again, and nothing else is until that is known."""
    venue, settings = trading(), settings_in(tmp_path)
    venue.silent = VenueTimeout()
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        result = await engine.cycle()
        assert result.status is CycleStatus.PARTIAL
        assert _statuses(settings.db) == ["unknown", "unknown"]
        venue.silent, venue.failing = None, {"fetch_order_by_client_id": VenueUnavailable("503")}
        result = await engine.cycle()
        assert result.orders_refused == 2
        assert len(venue.sent) == 2
        venue.failing = {}
        await engine.cycle()
    ids = [order.client_order_id for order in venue.sent]
    assert len(ids) == len(set(ids)) == 4
    assert _statuses(settings.db) == ["open", "open", "refused", "refused", "open", "open"]
    assert list(health(settings.db)) == []


async def test_an_order_that_never_arrived_is_absent_and_its_id_is_not_used_again(
    tmp_path: Path,
) -> None:
    """FAULTS 26: the time-out came before the exchange had it."""
    venue, settings = trading(), settings_in(tmp_path)
    venue.failing = {"submit": VenueTimeout()}
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        await engine.cycle()
        venue.failing = {}
        await engine.cycle()
    assert _statuses(settings.db) == ["absent", "absent", "open", "open"]
    assert len(venue.sent) == 2
    assert list(health(settings.db)) == []


async def test_an_order_that_arrived_after_it_was_looked_for_is_found_again(
    tmp_path: Path,
) -> None:
    """FAULTS 26: believed absent, then listed as open; the metrics of its cycle follow."""

    class Slow(FakeVenue):
        under_way: LimitOrder | None = None

        async def submit(self, order: LimitOrder) -> VenueOrder:
            self.under_way = order
            raise KeyError("the connection broke")

    venue, settings = Slow([reported("1")], marks={BTC: "100"}), settings_in(tmp_path)
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        await engine.cycle()
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        assert set(_statuses(settings.db)) == {"absent"}
        assert venue.under_way is not None
        await FakeVenue.submit(venue, venue.under_way)
        await engine.cycle()
    assert sorted(_statuses(settings.db)) == ["absent", "open"]
    with opened(settings.db) as connection:
        assert rows(connection, "SELECT orders_submitted FROM cycle_metrics")[0] == 1
    assert list(health(settings.db)) == []


def _statuses(ledger: Path) -> list[str]:
    with opened(ledger) as connection:
        return rows(connection, "SELECT status FROM orders ORDER BY rowid")


# --- 27: clocks


@pytest.mark.parametrize("jump_ms", [HOUR, -HOUR])
async def test_a_jump_of_this_machines_clock_loses_nothing(
    jump_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAULTS 27: cursors follow the fills, never a clock."""
    clock = 1_700_000_000_000
    monkeypatch.setattr("engine.clock.time", SimpleNamespace(time_ns=lambda: clock * 1_000_000))
    venue, settings = FakeVenue(), settings_in(tmp_path, lookback="1m")
    seen = 0
    async with Engine(settings, venue=venue) as engine:
        for n in range(6):
            clock += jump_ms if n in (2, 4) else 1_000
            venue.reports.append(reported(str(n), timestamp=venue.now_ms))
            result = await engine.cycle()
            seen += result.fills_count
            assert result.status is CycleStatus.OK
            assert result.cursors["fills_cursor:BTC/USDT"].after == venue.reports[-1]["timestamp"]
    assert seen == 6
    assert list(health(settings.db)) == []


@pytest.mark.parametrize("off_ms", [5 * MINUTE, -5 * MINUTE])
async def test_a_venue_whose_clock_is_off_loses_nothing(off_ms: int, tmp_path: Path) -> None:
    """FAULTS 27: also where its clock is set right in between."""
    venue, settings = FakeVenue(), settings_in(tmp_path)
    async with Engine(settings, venue=venue) as engine:
        for n in range(6):
            venue.now_ms += off_ms if n == 2 else -off_ms if n == 4 else 0
            venue.reports.append(reported(str(n), timestamp=venue.now_ms))
            assert (await engine.cycle()).fills_count == 1
    assert len(claims(settings.db)) == 6
    assert list(health(settings.db)) == []


# --- 28: refusals that pass


class Flaky(FakeVenue):
    """Raises `error` from each method the first `times` times."""

    def __init__(self, error: VenueTransient, times: int) -> None:
        super().__init__([reported("1")], marks={BTC: "100"})
        self._error = error
        self._left: dict[str, int] = {}
        self._times = times
        self.calls = 0

    def _check(self, what: str) -> None:
        left = self._left.setdefault(what, self._times)
        if what.startswith("fetch_") and left:
            self.calls += 1
            self._left[what] -= 1
            raise self._error


@pytest.mark.parametrize("error", [RateLimited(), VenueUnavailable(), VenueTimeout()])
async def test_a_venue_that_refuses_for_a_while_is_asked_again(
    error: VenueTransient, tmp_path: Path
) -> None:
    """FAULTS 28."""
    venue = Flaky(error, times=2)
    [result] = await cycles(settings_in(tmp_path, retry_attempts=3), venue=venue)
    assert result.committed
    assert result.fills_count == 1


async def test_a_venue_that_keeps_refusing_is_asked_only_so_often_and_it_is_seen(
    tmp_path: Path,
) -> None:
    """FAULTS 28: bounded, and visible in the result."""
    venue = Flaky(RateLimited("429: too many requests"), times=99)
    [result] = await cycles(settings_in(tmp_path, retry_attempts=3), venue=venue)
    assert result.status is CycleStatus.FAILED
    assert "429" in result.errors[-1].message
    assert venue.calls == 3


# --- 29: sold, but never bought


async def test_a_sell_beyond_what_is_held_is_recorded_and_flagged_and_wedges_nothing(
    tmp_path: Path,
) -> None:
    """FAULTS 29."""
    source = serve(tmp_path / "f", [reported("1", "sell", "2")])
    settings = settings_in(tmp_path, source)
    [result] = await cycles(settings)
    assert (result.status, result.positions[BTC].oversold) == (CycleStatus.OK, True)
    assert "oversold" in [warning.type for warning in result.warnings]
    serve(source, [reported("1", "sell", "2"), reported("2", "buy", "5", ts=2_000)])
    [result] = await cycles(settings)
    assert (result.positions[BTC].qty, result.positions[BTC].oversold) == ("3", False)
    assert list(health(settings.db)) == []


# --- a strategy is from outside, too


async def test_a_strategy_that_fails_costs_no_commit(tmp_path: Path) -> None:
    def strategy(snapshot: object) -> Sequence[Any]:
        raise ZeroDivisionError

    settings = settings_in(tmp_path)
    [result] = await cycles(settings, venue=trading(), strategy=strategy)
    assert (result.status, result.fills_count) == (CycleStatus.PARTIAL, 2)
    assert result.errors[-1].type == "StrategyFailed"
    assert list(health(settings.db)) == []
