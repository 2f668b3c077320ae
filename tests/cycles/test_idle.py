"""Cycles that change nothing: what they leave, and what is left of them after their retention."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import Engine, NoSuchCycle, Settings
from engine.clock import DAY_MS, now_ms
from engine.cycles import idle, metrics
from engine.cycles.results import CycleStatus, Kind, Verdict
from engine.engine import rehearse_cycle, replay_cycle
from engine.errors import VenueError
from engine.history.explain import explain
from engine.history.results_reader import ResultsReader
from engine.history.xray import xray
from engine.store.statements import SQL
from tests.builders import (
    BTC,
    ETH,
    cycledeck,
    cycles,
    fee,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)
from tests.fakes import FakeVenue
from tests.faults.injection import Statements, io_error
from tests.faults.scenarios import books
from tests.golden.golden_ledger import FOLDER, unpack
from tests.idle import SHORT_LIVED, age, kept, misplaced, runs

ROW = "SELECT committed, attempted, inserted, ignored, conflicting FROM cycles WHERE cycle_id = ?"


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue([reported("1", fees=[fee("0.1")])], marks={BTC: "100", ETH: "10"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, **SHORT_LIVED)


def change(settings: Settings, statement: str, *values: object) -> None:
    with opened(settings.db) as ledger, ledger:
        ledger.execute(statement, values)


def commits(settings: Settings) -> list[int]:
    with opened(settings.db) as ledger:
        return list(rows(ledger, "SELECT cycle_id FROM ledger_commits ORDER BY commit_seq"))


def row(settings: Settings, cycle_id: int) -> Any:
    with opened(settings.db) as ledger:
        return rows(ledger, ROW, cycle_id)[0]


def swept(settings: Settings) -> None:
    """All steps of the retention, of cycles before today."""
    with opened(settings.db) as ledger:
        more = True
        while more:
            ledger.execute("BEGIN IMMEDIATE")
            more = idle.sweep(ledger, now_ms() - DAY_MS, now_ms())
            ledger.execute("COMMIT")


# --- without a commit


async def test_a_cycle_that_changed_nothing_leaves_no_commit_and_is_as_good_as_one(
    settings: Settings, venue: FakeVenue
) -> None:
    first, second = await cycles(settings, 2, venue=venue)
    assert (first.commit_seq, first.nothing_to_commit) == (1, False)
    assert (second.commit_seq, second.nothing_to_commit, second.committed) == (None, True, True)
    assert second.status is CycleStatus.OK
    assert second.positions == first.positions
    assert second.positions_digest == first.positions_digest
    assert commits(settings) == [1]
    assert row(settings, 1) == ("yes", 2, 2, 0, 0)
    assert row(settings, 2) == ("nothing", 2, 0, 2, 0)
    with opened(settings.db) as ledger:
        assert rows(ledger, "SELECT pnl_json FROM cycle_metrics WHERE cycle_id = 2") == ["{}"]
    assert verified(settings.db).violations == ()


async def test_a_cycle_that_failed_is_told_from_one_with_nothing_to_commit(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings, 1, venue=venue)
    venue.failing["fetch_time"] = VenueError("no clock")
    (failed,) = await cycles(settings, 1, venue=venue)
    assert (failed.committed, failed.nothing_to_commit) == (False, False)
    assert row(settings, 2) == ("no", 0, 0, 0, 0)


def test_a_command_whose_cycle_had_nothing_to_commit_succeeds(tmp_path: Path) -> None:
    path = serve(tmp_path / "fills.jsonl", [reported("1")])
    where = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{path}")
    assert cycledeck("once", *where).code == 0
    again = cycledeck("once", "--json", *where)
    assert (again.code, again.json["commit_seq"], again.json["nothing_to_commit"]) == (
        0,
        None,
        True,
    )


async def test_a_conflict_is_committed_when_it_is_kept_and_not_each_time_it_comes_again(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings, 1, venue=venue)
    venue.reports.append(reported("1", price="7", fees=[fee("0.1")]))
    kept_it, again = await cycles(settings, 2, venue=venue)
    assert kept_it.commit_seq == 2
    assert (again.nothing_to_commit, again.ledger_events_conflicting) == (True, 1)
    assert [w.type for w in again.warnings] == [w.type for w in kept_it.warnings]
    assert "ledger_conflict" in [w.type for w in again.warnings]
    assert verified(settings.db).violations == ()


async def test_a_cursor_that_starts_or_moves_is_a_change(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings.model_copy(update={"symbols": (BTC,)}), 2, venue=venue)
    await cycles(settings.model_copy(update={"symbols": (BTC, ETH)}), 2, venue=venue)
    assert commits(settings) == [1, 3]


async def test_what_a_hand_changed_in_the_books_is_committed_by_the_next_cycle(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings, 2, venue=venue)
    change(settings, "UPDATE stage4_positions SET cost = '1'")
    found = await cycles(settings, 2, venue=venue)
    assert [result.commit_seq for result in found] == [2, None]
    assert not verified(settings.db).ok


async def test_a_claim_that_was_lost_is_made_again_by_a_commit(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings, 2, venue=venue)
    change(settings, "DELETE FROM applied_fills")
    found = await cycles(settings, 2, venue=venue)
    assert [result.commit_seq for result in found] == [2, None]


def test_the_first_commit_after_a_migration_is_written_and_no_idle_one_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(FOLDER / "0.1.0" / "recorded-account", tmp_path)
    monkeypatch.chdir(tmp_path)
    with opened(Path("ledger.db")) as ledger:
        before = rows(ledger, "SELECT commit_seq, cycle_id, hex(hash) FROM ledger_commits")
    assert cycledeck("run", "--cycles", "3").code == 0
    with opened(Path("ledger.db")) as ledger:
        after = rows(ledger, "SELECT commit_seq, cycle_id, hex(hash) FROM ledger_commits")
        told = rows(ledger, "SELECT committed FROM cycles ORDER BY cycle_id")
        unlike = rows(
            ledger,
            "SELECT count(*) FROM cycles AS c JOIN ledger_commits AS k USING (cycle_id)"
            " WHERE (c.committed, c.inserted, c.ignored) IS NOT ('yes', k.inserted, k.ignored)",
        )
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert told[-3:] == ["yes", "nothing", "nothing"]
    assert (set(told) <= {"yes", "no", "nothing"}, unlike) == (True, [0])
    assert cycledeck("verify").code == 0


async def test_a_replay_that_finds_nothing_is_clean_and_changes_nothing(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings, 2, venue=venue)
    for replayed in (1, 2):
        result = await replay_cycle(settings, replayed)
        assert (result.verdict, result.nothing_to_commit) == (Verdict.CLEAN, True)
        rehearsal = await rehearse_cycle(settings, replayed)
        assert rehearsal.differences == ()
    async with Engine(settings, venue=venue) as engine:
        preview = await engine.preview(2)
    assert (preview.inserted, preview.ignored) == (0, 2)
    assert preview.digest_before == preview.digest_after
    assert commits(settings) == [1]


async def test_a_reconcile_that_found_nothing_counts_as_one(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        result = await engine.cycle(Kind.RECONCILE)
    assert result.nothing_to_commit
    with opened(settings.db) as ledger:
        assert ledger.value("cycle_last_reconcile") == result.started_ms
        assert not ledger.value("cycle_last_in_vain")


async def test_cycles_are_read_back_as_they_were_published_whatever_market_was_left_out(
    settings: Settings, venue: FakeVenue
) -> None:
    class Partly(FakeVenue):
        broken = ""

        async def fetch_fills(self, symbol: str, since_ms: int) -> Any:
            if symbol == self.broken:
                raise VenueError("no answer")
            async for page in super().fetch_fills(symbol, since_ms):
                yield page

    partly = Partly([*venue.reports, reported("2", symbol=ETH)], marks={BTC: "1"})
    published = []
    async with Engine(settings, venue=partly) as engine:
        for broken in ("", "", ETH, BTC, ""):
            partly.broken = broken
            published.append(await engine.cycle())
    assert [result.commit_seq for result in published] == [1, None, None, None, None]
    assert [len(result.cursors) for result in published] == [2, 2, 1, 1, 2]
    with opened(settings.db) as ledger:
        for result in published:
            found = ResultsReader(ledger, result.account).result(result.cycle_id)
            leave_out: dict[str, Any] = {"timings_ms": {}}
            assert found.model_copy(update=leave_out) == result.model_copy(update=leave_out)
            assert explain(ledger, result.cycle_id, BTC).matches
            assert (await rehearse_cycle(settings, result.cycle_id)).differences == ()
    assert verified(settings.db).violations == ()


class Nothing:
    """Tells the COMMIT of a TX 1 that has nothing to commit."""

    def __init__(self) -> None:
        self._inside: set[sqlite3.Connection] = set()

    def __call__(self, connection: sqlite3.Connection, sql: str) -> bool:
        if sql == SQL["claim_fills"]:
            self._inside.add(connection)
        if sql.startswith(("BEGIN", "INSERT INTO ledger_commits")):
            self._inside.discard(connection)
        return sql == "COMMIT" and connection in self._inside


async def test_a_commit_of_nothing_that_fails_changed_nothing_and_sends_no_orders(
    tmp_path: Path, venue: FakeVenue
) -> None:
    """FAULTS 5: what an error from COMMIT leaves is known where there was nothing to commit."""
    statements = Statements(at=[1], act=io_error, only=Nothing())
    settings = settings_in(tmp_path, strategy="ladder")
    async with Engine(settings, venue=venue, connect=statements.connect) as engine:
        await engine.cycle()
        sent = len(venue.sent)
        result = await engine.cycle()
        assert len(venue.sent) == sent
        assert (await engine.cycle()).status is CycleStatus.OK
    assert (result.status, result.nothing_to_commit) == (CycleStatus.PARTIAL, True)
    assert [w.type for w in result.warnings] == ["commit_confirmed"]
    assert row(settings, 2)[0] == "nothing"
    assert verified(settings.db).violations == ()


async def test_orders_of_a_cycle_with_nothing_to_commit_tell_that_it_got_so_far(
    tmp_path: Path, venue: FakeVenue
) -> None:
    """A crash after the orders, before TX 2: orders are sent after TX 1 only."""
    settings = settings_in(tmp_path, strategy="ladder")
    await cycles(settings, 1, venue=venue)
    venue.marks[BTC] *= 2
    (second,) = await cycles(settings, 1, venue=venue)
    assert second.nothing_to_commit
    assert second.orders_submitted > 0
    change(
        settings,
        "UPDATE cycles SET status = 'running', committed = NULL, ended_ms = NULL, attempted = 0,"
        " inserted = 0, ignored = 0, fills_fetched = 0 WHERE cycle_id = 2",
    )
    change(settings, "DELETE FROM cycle_metrics WHERE cycle_id = 2")
    await cycles(settings, 1, venue=venue)
    with opened(settings.db) as ledger:
        found = rows(ledger, "SELECT status, committed FROM cycles WHERE cycle_id = 2")
        measured = rows(ledger, "SELECT orders_submitted FROM cycle_metrics WHERE cycle_id = 2")
    assert found == [("partial", "nothing")]
    assert measured == [second.orders_submitted]
    assert verified(settings.db).violations == ()


async def test_metrics_of_an_idle_cycle_that_were_lost_are_rebuilt_as_they_were(
    settings: Settings, venue: FakeVenue
) -> None:
    await cycles(settings, 2, venue=venue)
    with opened(settings.db) as ledger:
        before = rows(ledger, "SELECT * FROM cycle_metrics")
        ledger.execute("DELETE FROM cycle_metrics")
        assert metrics.missing(ledger) == metrics.missing(ledger, recent=2) == [1, 2]
    assert verified(settings.db).metrics_missing == 2
    ran = await asyncio.to_thread(cycledeck, "metrics", "backfill", "--json", "--db", settings.db)
    assert ran.json == {"rebuilt": [1, 2]}
    with opened(settings.db) as ledger:
        assert rows(ledger, "SELECT * FROM cycle_metrics") == before


async def test_an_idle_cycle_is_fenced_all_the_same(tmp_path: Path) -> None:
    class TakenOver(FakeVenue):
        taken = False

        async def fetch_fills(self, symbol: str, since_ms: int) -> Any:
            async for page in super().fetch_fills(symbol, since_ms):
                yield page
            if self.taken:
                with opened(tmp_path / "ledger.db") as ledger, ledger:
                    ledger.execute("UPDATE lease SET epoch = epoch + 1, holder = 'elsewhere:7'")

    venue = TakenOver([reported("1")], marks={BTC: "100"})
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        await engine.cycle()
        venue.taken = True
        result = await engine.cycle()
    assert (result.status, result.committed) == (CycleStatus.FENCED, False)


# --- retention


async def lived(settings: Settings, venue: FakeVenue, *idle_ones: int) -> None:
    """A busy cycle and so many idle ones, again and again; all of them three days ago."""
    async with Engine(settings, venue=venue) as engine:
        for number, count in enumerate(idle_ones):
            if number:
                venue.reports.append(reported(f"more{number}", ts=2_000 + number))
            for _ in range(1 + count):
                await engine.cycle()
    age(settings.db)


async def test_idle_cycles_become_runs_that_say_so_and_the_newest_stays(
    settings: Settings, venue: FakeVenue
) -> None:
    await lived(settings, venue, 5, 3)
    (newest,) = await cycles(settings, 1, venue=venue)
    assert newest.cycle_id == 11
    assert runs(settings.db) == [(2, 6), (8, 10)]
    assert kept(settings.db) == [1, 7, 11]
    with opened(settings.db) as ledger:
        (first, _) = rows(ledger, "SELECT count, last_ms >= first_ms, fills_ignored FROM idle_runs")
        assert first == (5, 1, 5)
        assert rows(ledger, "SELECT cycle_id FROM cycle_metrics") == [1, 7, 11]
    assert verified(settings.db).violations == ()


async def test_a_run_grows_and_its_rows_are_never_written_again(
    settings: Settings, venue: FakeVenue
) -> None:
    await lived(settings, venue, 3)
    for expected in ((2, 4), (2, 5), (2, 6)):
        await cycles(settings, 1, venue=venue)
        assert runs(settings.db) == [expected]
        age(settings.db)
    assert kept(settings.db) == [1, 7]
    assert verified(settings.db).violations == ()


async def test_a_cycle_within_a_run_is_told_as_idle_and_no_longer_kept(
    settings: Settings, venue: FakeVenue
) -> None:
    await lived(settings, venue, 5)
    await cycles(settings, 1, venue=venue)
    among = "as were the cycles from 2 to 6"
    words = f"cycle 3 was idle, {among}: it changed nothing, and is no longer kept"
    with opened(settings.db) as ledger:
        for look in (
            lambda: ResultsReader(ledger).result(3),
            lambda: xray(ledger, 3),
            lambda: explain(ledger, 3, BTC),
        ):
            with pytest.raises(NoSuchCycle, match=words):
                look()
        assert ResultsReader(ledger).cursors_after(3) == ResultsReader(ledger).cursors_after(7)
    for arguments in (["replay", 3], ["replay", "--rehearse", 3]):
        ran = await asyncio.to_thread(cycledeck, *arguments, "--db", settings.db)
        assert (ran.code, words in ran.err) == (2, True)


@pytest.mark.parametrize(
    "named_by",
    [
        "UPDATE orders SET cycle_id = 3",
        "UPDATE orders SET canceled_cycle_id = 3",
        "UPDATE conflicts SET cycle_id = 3",
        "UPDATE quarantine SET cycle_id = 3",
        "UPDATE quarantine SET resolved_cycle_id = 3",
        "UPDATE quarantine SET applied_cycle_id = 3",
        "UPDATE cursors SET cycle_id = 3",
        "UPDATE cycles SET replay_of = 3 WHERE cycle_id = 5",
        "INSERT INTO audit VALUES (1, 1, 'me', 'preview', '{}', 'done', 3)",
        "UPDATE cycles SET kind = 'reconcile' WHERE cycle_id = 3",
        "UPDATE cycles SET kind = 'replay', replay_of = 1 WHERE cycle_id = 3",
    ],
)
async def test_a_cycle_that_anything_names_stays(
    settings: Settings, venue: FakeVenue, named_by: str
) -> None:
    await lived(settings, venue, 4)
    with opened(settings.db) as ledger, ledger:
        ledger.execute(
            "INSERT INTO orders VALUES ('o', 1, 'B', 'buy', '1', '1', NULL, 'filled', NULL, NULL,"
            " NULL, NULL, NULL, 1)"
        )
        ledger.execute(
            "INSERT INTO conflicts VALUES (1, 'e', 1, '{}', '{}', x'00', 'e', 'A/B', 1, "
            "'correction', 'open', NULL, NULL)"
        )
        ledger.execute(
            "INSERT INTO quarantine (id, digest, symbol, raw, reason, cycle_id, status)"
            " VALUES (1, x'00', 'B', 'r', 'r', 1, 'open')"
        )
        ledger.execute("DELETE FROM cycle_inputs")
        assert ledger.execute(named_by).rowcount > 0
    swept(settings)
    assert runs(settings.db) == [(2, 2), (4, 4)]
    assert 3 in kept(settings.db)
    assert list(misplaced(settings.db)) == []


async def test_evidence_is_kept_with_its_cycle(settings: Settings, venue: FakeVenue) -> None:
    await lived(settings, venue, 4)
    change(settings, "DELETE FROM cycle_inputs WHERE cycle_id <> 3")
    swept(settings)
    assert runs(settings.db) == [(2, 2)]
    change(settings, "DELETE FROM cycle_inputs")
    swept(settings)
    assert runs(settings.db) == [(2, 4)]


async def test_a_cycle_of_a_clock_that_was_ahead_stays_and_holds_up_no_other(
    settings: Settings, venue: FakeVenue
) -> None:
    """FAULTS 44."""
    await lived(settings, venue, 6)
    change(settings, "DELETE FROM cycle_inputs")
    ahead = now_ms() + 365 * DAY_MS
    change(settings, "UPDATE cycles SET started_ms = ? WHERE cycle_id IN (3, 4)", ahead)
    swept(settings)
    assert runs(settings.db) == [(2, 2), (5, 6)]
    assert kept(settings.db) == [1, 3, 4, 7]


@pytest.mark.parametrize(
    "retention",
    [
        {"keep_inputs": "1d", "keep_idle_cycles": "0"},
        {"keep_inputs": "0", "keep_idle_cycles": "1d"},
        {"keep_inputs": "1d", "keep_idle_cycles": "7d"},
        {"keep_inputs": "7d", "keep_idle_cycles": "1d"},
    ],
)
async def test_nothing_goes_before_the_longer_of_both_retentions_or_where_one_is_for_ever(
    tmp_path: Path, venue: FakeVenue, retention: dict[str, Any]
) -> None:
    settings = settings_in(tmp_path, **retention)
    await lived(settings, venue, 4)
    await cycles(settings, 1, venue=venue)
    assert (runs(settings.db), len(kept(settings.db))) == ([], 6)


async def test_steps_lead_where_one_step_leads(
    settings: Settings, venue: FakeVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(settings, venue, 5, 0, 2, 3)
    change(settings, "DELETE FROM cycle_inputs")
    monkeypatch.setattr(idle, "STEP", 2)
    swept(settings)
    assert runs(settings.db) == [(2, 6), (9, 10), (12, 13)]
    assert verified(settings.db).violations == ()


async def test_ids_are_never_used_again_whatever_was_deleted(
    settings: Settings, venue: FakeVenue
) -> None:
    await lived(settings, venue, 4)
    for expected in (6, 7):
        (result,) = await cycles(settings, 1, venue=venue)
        assert result.cycle_id == expected
        age(settings.db)
    change(settings, "DELETE FROM cycles WHERE cycle_id > 1")
    change(settings, "DELETE FROM cycle_metrics WHERE cycle_id > 1")
    (result,) = await cycles(settings, 1, venue=venue)
    assert result.cycle_id == runs(settings.db)[-1][1] + 1


async def test_a_retention_that_fails_is_logged_and_comes_again(
    settings: Settings, venue: FakeVenue
) -> None:
    await lived(settings, venue, 4)
    change(
        settings,
        "CREATE TRIGGER broken BEFORE DELETE ON cycles BEGIN SELECT raise(ABORT, 'no room'); END",
    )
    (result,) = await cycles(settings, 1, venue=venue)
    assert (result.status, result.metrics_persisted) == (CycleStatus.OK, True)
    assert (runs(settings.db), len(kept(settings.db))) == ([], 6)
    change(settings, "DROP TRIGGER broken")
    await cycles(settings, 1, venue=venue)
    assert runs(settings.db) == [(2, 5)]


async def test_the_file_does_not_grow_once_what_is_deleted_makes_room(
    settings: Settings, venue: FakeVenue
) -> None:
    """FAULTS 50."""
    await lived(settings, venue, 200)
    sizes = []
    for _ in range(4):
        async with Engine(settings, venue=venue) as engine:
            for _ in range(70):
                await engine.cycle()
        age(settings.db)
        with opened(settings.db) as ledger:
            ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        sizes.append(settings.db.stat().st_size)
    assert len(kept(settings.db)) < 200
    assert sizes[1:] == sizes[:1] * 3


EDITS = [
    ("INSERT INTO cycles SELECT 3, kind, status, replay_of, verdict, mode, started_ms, venue_ms,"
     " ended_ms, marks_json, timings_json, fills_fetched, fills_count, errors_json, warnings_json,"
     " edge, committed, attempted, inserted, ignored, conflicting, cursors_json FROM cycles"
     " WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycle_metrics SET cycle_id = 3 WHERE cycle_id = 8", "cycle_metrics"),
    ("UPDATE idle_runs SET first = 1, count = count + 1", "cycles"),
    ("UPDATE idle_runs SET last = last + 1, count = count + 1", "cycles"),
    ("INSERT INTO idle_runs VALUES (4, 5, 2, 1, 1, 0)", "idle_runs"),
    ("UPDATE idle_sweep SET through = 0", "idle_sweep"),
    ("UPDATE idle_sweep SET through = 99", "idle_sweep"),
    ("UPDATE cycles SET committed = 'nothing' WHERE cycle_id = 1", "cycles"),
    ("UPDATE cycles SET committed = 'no' WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycles SET committed = 'yes' WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycles SET committed = NULL WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycles SET inserted = 1, ignored = 1 WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycles SET fills_count = 1 WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycles SET attempted = 1 WHERE cycle_id = 8", "cycles"),
    ("UPDATE cycles SET ignored = 3, attempted = 3 WHERE cycle_id = 8", "cycle_metrics"),
    ("UPDATE cycles SET ignored = 3 WHERE cycle_id = 1", "cycles"),
    ("UPDATE cycles SET cursors_json = '{\"fills_cursor:BTC/USDT\": [1, 1]}' WHERE cycle_id = 8",
     "cycles"),
    ("UPDATE cycles SET cursors_json = '{}' WHERE cycle_id = 1", "cycles"),
]  # fmt: skip


async def test_an_edit_of_what_is_told_of_idle_cycles_is_named(
    settings: Settings, venue: FakeVenue
) -> None:
    await lived(settings, venue, 5)
    await cycles(settings, 2, venue=venue)
    assert (runs(settings.db), kept(settings.db)) == ([(2, 6)], [1, 7, 8])
    sound = settings.db.read_bytes()
    for edit, table in EDITS:
        settings.db.write_bytes(sound)
        with opened(settings.db) as ledger, ledger:
            assert ledger.execute(edit).rowcount > 0, edit
        named = {violation.table for violation in verified(settings.db).violations}
        assert table in named, (edit, named)


# --- any mix


@hypothesis_settings(max_examples=12, deadline=None)
@given(
    lives=st.lists(
        st.lists(st.sampled_from(["idle", "idle", "busy", "failed", "replay"]), max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_any_mix_of_cycles_and_retention_leads_to_the_same_books_and_every_cycle_is_told(
    lives: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mix")
    asyncio.run(mixed(folder, lives))


async def mixed(folder: Path, lives: list[list[str]]) -> None:
    forgetful, lasting = folder / "forgetful", folder / "lasting"
    for place in (forgetful, lasting):
        place.mkdir()
    short = settings_in(forgetful, **SHORT_LIVED)
    long = settings_in(lasting, keep_inputs="0", keep_idle_cycles="0")
    for settings in (short, long):
        venue = FakeVenue([reported("1", fees=[fee("0.1")])], marks={BTC: "100"})
        for number, life in enumerate(lives):
            async with Engine(settings, venue=venue) as engine:
                await engine.cycle()
                for step, kind in enumerate(life):
                    await one(engine, venue, kind, f"{number}:{step}")
            age(settings.db)
    assert books(short.db) == books(long.db)
    assert list(misplaced(short.db)) == list(misplaced(long.db)) == []
    assert runs(long.db) == []
    assert verified(short.db).violations == verified(long.db).violations == ()
    with opened(short.db) as some, opened(long.db) as all_of_them:
        for cycle_id in kept(short.db):
            found, whole = (
                ResultsReader(tx)
                .result(cycle_id)
                .model_dump(exclude={"started_ms", "ended_ms", "timings_ms"})
                for tx in (some, all_of_them)
            )
            assert json.dumps(found, default=str) == json.dumps(whole, default=str)


async def one(engine: Engine, venue: FakeVenue, kind: str, name: str) -> None:
    if kind == "busy":
        venue.reports.append(reported(name, ts=1_000 + len(venue.reports), fees=[fee("0.2")]))
    if kind == "failed":
        venue.failing["fetch_time"] = VenueError("no clock")
    if kind == "replay":
        # Of the newest cycle, whose evidence is there.
        await engine.replay((await engine.cycle()).cycle_id)
    else:
        await engine.cycle()
    venue.failing = {}
