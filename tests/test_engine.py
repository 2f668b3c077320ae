"""Whole cycles through the public interface."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine import CycleStatus, Engine, Kind, TradeIds, logs
from engine.errors import LedgerMismatch, SettingsError, VenueError, VenueUnavailable
from engine.ledger.cursors import CursorChange
from engine.venues.sim import SimVenue
from tests.builders import (
    BTC,
    ETH,
    T0,
    Reported,
    adds_up,
    cycles,
    fee,
    folded,
    money_of,
    opened,
    reported,
    resolve,
    rows,
    serve,
    settings_in,
    vectors,
    verified,
)
from tests.cases import mostly_long
from tests.fakes import FakeVenue
from tests.generated import fills


async def played(folder: Path, served: Sequence[Sequence[Reported]]) -> dict[str, Any]:
    """Positions after one cycle for each of what a recorded venue served, on one engine."""
    path = serve(folder / "fills.jsonl", served[0])
    symbols = "BTC/USDT,XRP/ETH" if served[0][:1] == [] else ""
    async with Engine(settings_in(folder, path, page_size=3, symbols=symbols)) as engine:
        for items in served:
            serve(path, items)
            result = await engine.cycle()
            assert adds_up(result)
    return {symbol: money_of(position) for symbol, position in result.positions.items()}


@mostly_long("first", ["last", "first", "second"])
@vectors()
async def test_every_vector_comes_out_of_whole_cycles_in_any_arrival_order(
    tmp_path: Path, case: Any, first: str
) -> None:
    items = case["fills"]
    orders = {"first": items, "last": items[::-1], "second": items[1:] + items[:1]}
    order = orders[first]
    growing = [order[:end] for end in range(1, len(order) + 1)] + [order]
    assert await played(tmp_path, growing) == case["expected"]
    assert verified(tmp_path / "ledger.db").violations == ()


@given(fills(max_size=14, min_size=1), st.data())
def test_shuffled_duplicated_and_split_into_cycles_gives_the_same_books(
    items: list[Any], data: Any
) -> None:
    """Each cycle is served a random part, some of it twice, in any order; the last one all."""
    count = data.draw(st.integers(1, 4))
    parts = [data.draw(st.lists(st.sampled_from(items), min_size=1)) for _ in range(count)]
    served = [*parts, data.draw(st.permutations(items))]
    with TemporaryDirectory() as folder:
        found = asyncio.run(played(Path(folder), served))
        assert verified(Path(folder, "ledger.db")).violations == ()
    assert found == folded(items)


# --- what a cycle reports


async def test_a_result_says_what_came_of_the_cycle(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1", ts=1_000, fees=[fee("1")])] * 2)
    (result,) = await cycles(settings_in(tmp_path, path))
    assert (result.cycle_id, result.kind, result.status) == (1, Kind.LIVE, CycleStatus.OK)
    assert (result.fills_fetched, result.fills_count) == (2, 1)
    assert result.ledger_events_attempted == 4
    assert (result.ledger_events_inserted, result.ledger_events_ignored) == (2, 2)
    assert result.metrics_persisted
    assert set(result.timings_ms) == {"fetch", "inputs", "tx1", "execute", "tx2"}
    assert result.cursors[f"fills_cursor:{BTC}"] == CursorChange(None, T0 + 1_000)
    assert result.positions[BTC].mark == "100"


async def test_cycle_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    settings = settings_in(tmp_path, path)
    first = await cycles(settings, 2)
    second = await cycles(settings, 1)
    assert [result.cycle_id for result in first + second] == [1, 2, 3]
    assert second[0].ledger_events_inserted == 0


async def test_each_fetch_begins_at_the_cursor_less_the_lookback(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1", ts=1_000_000)])
    await cycles(settings_in(tmp_path, lookback="10m"), 2, venue=venue)
    assert venue.asked == [(BTC, 0), (BTC, T0 + 400_000)]


async def test_a_reconcile_cycle_looks_back_further(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1", ts=1_000_000_000)])
    async with Engine(settings_in(tmp_path, reconcile_lookback="1d"), venue=venue) as engine:
        await engine.cycle()
        result = await engine.cycle(Kind.RECONCILE)
    assert result.kind is Kind.RECONCILE
    assert venue.asked[-1] == (BTC, T0 + 1_000_000_000 - 86_400_000)


async def test_a_reconcile_cycle_never_looks_back_less_than_others(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1", ts=1_000_000)])
    settings = settings_in(tmp_path, lookback="10m", reconcile_lookback="1m")
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        await engine.cycle(Kind.RECONCILE)
    assert venue.asked == [(BTC, 0), (BTC, T0 + 400_000)]


@pytest.mark.parametrize(
    ("start_from", "counted"),
    [
        ("beginning", ["1", "2"]),
        ("2023-07-22T04:26:42Z", ["2"]),
        (str(T0 + 2_001), ["2"]),
        ("now", []),
    ],
)
async def test_history_begins_where_it_is_configured_to(
    tmp_path: Path, start_from: str, counted: list[str]
) -> None:
    venue = FakeVenue([reported("1", ts=2_000 - 1), reported("2", ts=2_500)])
    await cycles(settings_in(tmp_path, start_from=start_from), 2, venue=venue)
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT fill_id FROM applied_fills ORDER BY 1") == counted


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("failing", [(BTC,), (BTC, ETH)], ids=["one market", "all markets"])
async def test_now_is_a_markets_first_cycle_also_where_nothing_could_be_fetched_in_it(
    tmp_path: Path, failing: tuple[str, ...], restarted: bool
) -> None:
    venue = FakeVenue(marks={BTC: "100", ETH: "10"}, takes_orders=False)
    settings = settings_in(tmp_path, start_from="now")
    venue.failing = {symbol: VenueUnavailable("502") for symbol in failing}
    engine = Engine(settings, venue=venue)
    await engine.open()
    await engine.cycle()
    began = venue.now_ms
    venue.failing.clear()
    venue.reports = [
        reported(f"{symbol} {ts - began}", timestamp=ts, symbol=symbol)
        for symbol in (BTC, ETH)
        for ts in (began - 1, began, began + 1)
    ]
    venue.now_ms += 60_000
    if restarted:
        await engine.close()
        engine = Engine(settings, venue=venue)
        await engine.open()
    result = await engine.cycle()
    await engine.close()
    assert result.fills_count == 4
    assert rows_of(tmp_path, "SELECT start_ms FROM cursors") == [began, began]
    assert verified(settings.db).ok


async def test_a_market_that_comes_later_begins_in_its_own_first_cycle(tmp_path: Path) -> None:
    venue = FakeVenue(marks={BTC: "100"}, takes_orders=False)
    async with Engine(settings_in(tmp_path, start_from="now"), venue=venue) as engine:
        await engine.cycle()
        venue.marks[ETH] = venue.marks[BTC]
        result = await engine.cycle()
    assert result.cursors[f"fills_cursor:{ETH}"].after == venue.now_ms
    assert result.cursors[f"fills_cursor:{BTC}"].after == venue.now_ms - 1_000


async def test_a_start_set_later_does_not_move_a_history_that_has_begun(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1", ts=2_000)])
    await cycles(settings_in(tmp_path), venue=venue)
    venue.reports.append(reported("2", ts=3_000))
    (result,) = await cycles(settings_in(tmp_path, start_from="now"), venue=venue)
    assert result.fills_count == 1


# --- what fails, and what goes on


async def test_a_symbol_that_failed_to_fetch_keeps_its_cursor_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1", ts=1_000), reported("2", ts=1_000, symbol=ETH)])
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        await engine.cycle()
        venue.reports += [reported("3", ts=2_000), reported("4", ts=2_000, symbol=ETH)]
        venue.failing[BTC] = VenueUnavailable("502")
        result = await engine.cycle()
        assert result.status is CycleStatus.PARTIAL
        assert [(e.step, e.symbol) for e in result.errors] == [("fetch", BTC)]
        assert "502" in result.errors[0].message
        assert result.cursors.keys() == {f"fills_cursor:{ETH}"}
        assert result.fills_count == 1
        venue.failing.clear()
        after = await engine.cycle()
    assert after.status is CycleStatus.OK
    assert after.cursors[f"fills_cursor:{BTC}"].before == T0 + 1_000
    assert after.fills_count == 1


async def test_an_error_on_a_later_page_applies_nothing_of_that_symbol(tmp_path: Path) -> None:
    venue = FakeVenue([reported(str(n), ts=n) for n in range(10)], page_size=3)
    venue.failing[BTC] = VenueUnavailable("reset by peer")
    (result,) = await cycles(settings_in(tmp_path), venue=venue)
    assert result.status is CycleStatus.FAILED
    assert not result.committed
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT count(*) FROM ledger_events") == [0]


async def test_what_may_pass_is_tried_again_from_the_beginning(tmp_path: Path) -> None:
    class Recovering(FakeVenue):
        def _check(self, what: str) -> None:
            if what == BTC and len(self.asked) < 3:
                raise VenueUnavailable("502")

    venue = Recovering([reported(str(n), ts=n) for n in range(10)], page_size=3)
    (result,) = await cycles(settings_in(tmp_path, retry_attempts=3), venue=venue)
    assert result.status is CycleStatus.OK
    assert (result.fills_fetched, len(venue.asked)) == (10, 3)


async def test_a_venue_that_is_down_fails_the_cycle_and_not_the_engine(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1")])
    venue.failing["fetch_time"] = VenueUnavailable("502")
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        failed = await engine.cycle()
        venue.failing.clear()
        result = await engine.cycle()
    assert (failed.status, failed.errors[0].step) == (CycleStatus.FAILED, "fetch")
    assert (result.status, result.fills_count) == (CycleStatus.OK, 1)


async def test_an_account_without_fills_is_no_failure(tmp_path: Path) -> None:
    async with Engine(settings_in(tmp_path, serve(tmp_path / "fills.jsonl", []))) as engine:
        result = await engine.cycle()
    assert (result.status, result.committed, result.fills_fetched) == (CycleStatus.OK, True, 0)


async def test_a_file_of_which_nothing_can_be_read_is_quarantined_under_the_markets_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "fills.jsonl"
    path.write_text("<html>\n")
    async with Engine(settings_in(tmp_path, path)) as engine:
        unnamed = await engine.cycle()
    async with Engine(settings_in(tmp_path, path, symbols=BTC)) as engine:
        named = await engine.cycle()
    assert (unnamed.status, unnamed.committed) == (CycleStatus.FAILED, False)
    assert "--symbols" in unnamed.errors[0].message
    assert (named.status, named.held) == (CycleStatus.HELD, (BTC,))


async def test_marks_that_cannot_be_had_make_a_cycle_partial_and_nothing_else(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1")])
    venue.failing["fetch_marks"] = VenueError("no marks today")
    (result,) = await cycles(settings_in(tmp_path), venue=venue)
    assert (result.status, result.fills_count) == (CycleStatus.PARTIAL, 1)
    assert result.positions[BTC].unrealized is None


async def test_an_error_nobody_thought_of_fails_one_cycle(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1")])
    venue.failing["fetch_time"] = KeyError("surprise")
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        failed = await engine.cycle()
        venue.failing.clear()
        assert (await engine.cycle()).status is CycleStatus.OK
    assert failed.errors[0].type == "KeyError"


async def test_a_conflict_is_reported_and_the_cycle_goes_on(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1", price="100")])
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        await engine.cycle()
        venue.reports = [reported("1", price="101"), reported("2", ts=2_000)]
        result = await engine.cycle()
    assert adds_up(result)
    assert (result.ledger_events_conflicting, result.fills_count) == (1, 1)
    assert "ledger_conflict" in [warning.type for warning in result.warnings]


async def test_selling_more_than_the_ledger_holds_is_flagged_and_wedges_nothing(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1", "sell")])
    (result,) = await cycles(settings_in(tmp_path), venue=venue)
    assert [(w.type, w.symbol) for w in result.warnings] == [("oversold", "BTC")]
    assert result.positions[BTC].oversold
    assert result.committed


async def test_a_symbol_no_longer_configured_is_fetched_while_it_is_held(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1", symbol=ETH), reported("2")])
    await cycles(settings_in(tmp_path), venue=venue)
    venue.asked.clear()
    venue.reports.append(reported("3", "sell", ts=2_000, symbol=ETH))
    settings = settings_in(tmp_path, symbols=(BTC,))
    results = await cycles(settings, 2, venue=venue)
    assert [symbol for symbol, _ in venue.asked] == [BTC, ETH, BTC]
    assert results[0].positions[ETH].qty == "0"


async def test_a_symbol_no_longer_configured_is_fetched_while_it_has_an_order(
    tmp_path: Path,
) -> None:
    venue = FakeVenue(marks={ETH: "10"})
    await cycles(settings_in(tmp_path, strategy="ladder"), venue=venue)
    assert {order.symbol for order in venue.sent} == {ETH}
    venue.asked.clear()
    await cycles(settings_in(tmp_path, symbols=(BTC,)), venue=venue)
    assert [symbol for symbol, _ in venue.asked] == [BTC, ETH]


async def test_a_symbol_no_longer_configured_is_fetched_to_book_what_was_corrected(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1", price="NaN", symbol=ETH)])
    await cycles(settings_in(tmp_path), venue=venue)
    with opened(tmp_path / "ledger.db") as ledger:
        correction = json.dumps(reported("1", symbol=ETH))
        resolve(ledger, 1, correction)
    (result,) = await cycles(settings_in(tmp_path, symbols=(BTC,)), venue=venue)
    assert (result.fills_count, list(result.positions)) == (1, [ETH])


async def test_the_same_id_on_two_markets_is_two_fills_where_ids_are_per_market(
    tmp_path: Path,
) -> None:
    venue = FakeVenue(
        [reported("1"), reported("1", price="9", symbol=ETH)], trade_ids=TradeIds.MARKET
    )
    (result,) = await cycles(settings_in(tmp_path), venue=venue)
    assert (result.fills_count, result.ledger_events_conflicting) == (2, 0)


async def test_a_venue_without_ids_gets_the_same_derived_ones_each_time(tmp_path: Path) -> None:
    rows_ = [reported(None, order="o", ts=1_000)] * 2 + [reported(None, order="p", ts=2_000)]
    venue = FakeVenue(rows_, trade_ids=TradeIds.NONE)
    results = await cycles(settings_in(tmp_path), 2, venue=venue)
    assert [result.fills_count for result in results] == [3, 0]
    assert results[1].ledger_events_ignored == 3


async def test_a_ledger_belongs_to_one_kind_of_venue(tmp_path: Path) -> None:
    await cycles(settings_in(tmp_path), venue=FakeVenue([reported("1")]))
    before = (tmp_path / "ledger.db").read_bytes()
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    with pytest.raises(LedgerMismatch, match="belongs to the venue fake, not recorded"):
        await cycles(settings_in(tmp_path, path))
    with pytest.raises(LedgerMismatch, match="belongs to the venue fake, not sim"):
        await cycles(settings_in(tmp_path))
    assert (tmp_path / "ledger.db").read_bytes() == before
    assert not list(tmp_path.glob("*.sim*"))


async def test_a_ledger_belongs_to_one_account_of_which_more_may_come_to_be_known(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    for known in ({}, {"exchange": "kraken"}, {"exchange": "kraken", "uid": "7"}, {"uid": "7"}):
        await cycles(settings_in(tmp_path, path, recorded=known))
    before = (tmp_path / "ledger.db").read_bytes()
    for name, value, pinned in (("uid", "8", "7"), ("exchange", "okx", "kraken")):
        wrong = f"belongs to an account with {name} {pinned}, not {value}; nothing was changed"
        with pytest.raises(LedgerMismatch, match=wrong):
            await cycles(settings_in(tmp_path, path, recorded={name: value}))
    assert (tmp_path / "ledger.db").read_bytes() == before
    with opened(tmp_path / "ledger.db") as ledger:
        kept = rows(ledger, "SELECT * FROM ledger_identity WHERE key LIKE 'account:%' ORDER BY 1")
    assert kept == [
        ("account:environment", "recorded"), ("account:exchange", "kraken"), ("account:uid", "7"),
    ]  # fmt: skip


@pytest.mark.parametrize("first", [[reported("1")], []], ids=["one market", "empty"])
async def test_a_ledgers_numbering_of_trades_stays_as_it_began_and_another_one_is_refused(
    tmp_path: Path, first: list[Any]
) -> None:
    path = serve(tmp_path / "f.jsonl", first)
    await cycles(settings_in(tmp_path, path))
    before = (tmp_path / "ledger.db").read_bytes()
    wrong = r"recorded\.trade_ids = 'market', but this ledger's ids were made with 'account'"
    with pytest.raises(LedgerMismatch, match=wrong):
        await cycles(settings_in(tmp_path, path, recorded={"trade_ids": "market"}))
    assert (tmp_path / "ledger.db").read_bytes() == before
    for same in ({}, {"trade_ids": "account"}):
        (result,) = await cycles(settings_in(tmp_path, path, recorded=same))
        assert result.status is CycleStatus.OK


async def test_a_file_that_no_longer_repeats_ids_leaves_a_ledgers_numbering_alone(
    tmp_path: Path,
) -> None:
    twins = [reported("1"), reported("1", symbol=ETH)]
    path = serve(tmp_path / "f.jsonl", twins)
    await cycles(settings_in(tmp_path, path))
    serve(path, twins[:1])
    (result,) = await cycles(settings_in(tmp_path, path))
    assert (result.ledger_events_ignored, result.fills_count) == (1, 0)


async def test_every_ledger_has_a_simulated_exchange_of_its_own(tmp_path: Path) -> None:
    names = ("x.db", "x.sqlite", "x", "x.sim", "x.sqlite.db", "x.DB", "y.db", "x.y.db", ".db")
    assert SimVenue.path_beside(tmp_path / "x.db") == tmp_path / "x.sim.db"
    assert len({SimVenue.path_beside(tmp_path / name) for name in names}) == len(names)
    (tmp_path / "link.db").symlink_to(tmp_path / "x.sqlite")
    assert SimVenue.path_beside(tmp_path / "link.db") == SimVenue.path_beside(tmp_path / "x.sqlite")
    sizes = set()
    for name, count in (("x.db", 3), ("x.sqlite", 1)):
        await cycles(settings_in(tmp_path, db=tmp_path / name), count)
        sizes.add(SimVenue.path_beside(tmp_path / name).stat().st_ino)
    assert len(sizes) == 2


def rows_of(folder: Path, statement: str) -> list[Any]:
    with opened(folder / "ledger.db") as ledger:
        return rows(ledger, statement)


async def test_a_strategy_that_needs_orders_is_refused_where_none_are_taken(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "f.jsonl", [])
    with pytest.raises(SettingsError, match="takes no orders; accepted: none, auto"):
        Engine(settings_in(tmp_path, path, strategy="ladder"))


async def test_a_method_that_was_renamed_still_runs_and_names_its_new_name(tmp_path: Path) -> None:
    async with Engine(settings_in(tmp_path), venue=FakeVenue()) as engine:
        with pytest.warns(DeprecationWarning, match=r"Engine\.cycle .* goes with 0\.4"):
            result = await engine.trigger()
    assert result.cycle_id == 1


async def test_an_engine_that_is_not_open_says_so(tmp_path: Path) -> None:
    engine = Engine(settings_in(tmp_path))
    with pytest.raises(RuntimeError, match="not open"):
        await engine.cycle()


async def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    engine = Engine(settings_in(tmp_path), venue=FakeVenue())
    await engine.open()
    await engine.close()
    await engine.close()


async def test_an_engine_that_is_opened_again_publishes_its_results_again(tmp_path: Path) -> None:
    engine = Engine(settings_in(tmp_path), venue=FakeVenue())
    for cycle_id in (1, 2):
        async with engine:
            following = asyncio.ensure_future(anext(engine.subscribe()))
            await asyncio.sleep(0)
            result = await engine.cycle()
            assert await following == result
            assert result.cycle_id == cycle_id


async def test_a_signal_to_stop_is_no_error_while_an_engine_closes(tmp_path: Path) -> None:
    class Stopped(FakeVenue):
        async def close(self) -> None:
            engine.stop()
            await super().close()

    async with Engine(settings_in(tmp_path), venue=Stopped()) as engine:
        assert (await engine.cycle()).status is CycleStatus.OK


# --- metrics are best effort


async def test_metrics_that_cannot_be_kept_touch_nothing_else_and_are_rebuilt_at_the_next_start(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1", fees=[fee("1")])])
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=venue) as engine:
        with opened(settings.db) as ledger:
            ledger.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON cycle_metrics "
                "BEGIN SELECT raise(ABORT, 'no room for metrics'); END"
            )
        result = await engine.cycle()
        assert result.status is CycleStatus.OK
        assert (result.fills_count, result.metrics_persisted) == (1, False)
        (warning,) = [w for w in result.warnings if w.type == "cycle_metrics_persist_failed"]
        assert (warning.step, "no room for metrics" in warning.message) == ("tx2", True)
        with opened(settings.db) as ledger:
            ledger.execute("DROP TRIGGER broken")
    assert rows_of(tmp_path, "SELECT cycle_id FROM cycle_metrics") == []
    await cycles(settings, 0, venue=venue)
    assert rows_of(tmp_path, "SELECT cycle_id, fills_count FROM cycle_metrics") == [(1, 1)]
    assert verified(settings.db).ok


async def test_the_log_names_cycle_and_error_of_metrics_that_were_not_kept(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=FakeVenue([reported("1")])) as engine:
        with opened(settings.db) as ledger:
            ledger.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON cycle_metrics "
                "BEGIN SELECT raise(ABORT, 'no'); END"
            )
        with capture_logs() as entries:
            await engine.cycle()
    (entry,) = [log for log in entries if log["event"] == "cycle_metrics_persist_failed"]
    assert (entry["cycle_id"], entry["error_type"]) == (1, "StoreError")


async def test_inputs_that_cannot_be_kept_stop_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=FakeVenue([reported("1")])) as engine:
        with opened(settings.db) as ledger:
            ledger.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON cycle_inputs "
                "BEGIN SELECT raise(ABORT, 'no'); END"
            )
        result = await engine.cycle()
    assert result.fills_count == 1
    assert [w.type for w in result.warnings] == ["cycle_inputs_persist_failed"]


async def test_evidence_is_dropped_when_its_time_is_over(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keep_inputs="1d")
    venue = FakeVenue([reported("1")])
    await cycles(settings, 2, venue=venue)
    with opened(settings.db) as ledger:
        ledger.execute("UPDATE cycle_inputs SET day = 0 WHERE cycle_id = 1")
        ledger.execute("UPDATE cycles SET started_ms = 0 WHERE cycle_id = 1")
    await cycles(settings, 1, venue=venue)
    assert rows_of(tmp_path, "SELECT cycle_id FROM cycle_inputs ORDER BY 1") == [2, 3]


async def test_used_as_a_library_an_engine_logs_on_standard_error_as_its_settings_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.reset_defaults()
    venue = FakeVenue([reported("1")])
    async with Engine(settings_in(tmp_path, log={"level": "warning"}), venue=venue) as engine:
        await engine.cycle()
        venue.failing["fetch_time"] = VenueUnavailable("502")
        await engine.cycle()
    logs.drain()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line for line in captured.err.splitlines() if "status=" in line][-1].count(
        "failed"
    ) == 1
    assert "status=ok" not in captured.err
