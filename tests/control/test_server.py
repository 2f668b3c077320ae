"""The control channel: what it pushes, what it does when told, and that nobody can slow it."""

import asyncio
import json
import os
import pwd
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from engine import CycleStatus, Engine, EngineState, logs
from engine.control import client_session as attached_client
from engine.control import server, unix_socket
from engine.control.messages import PROTOCOL, Action, Beat, Published
from engine.control.unix_socket import socket_path
from engine.cycles.results import CycleResult, Logged
from engine.errors import VenueUnavailable
from engine.venue import LimitOrder, VenueOrder
from tests.attaching import (
    LONGEST_S,
    Bare,
    Gated,
    attached,
    audited,
    bare,
    beat_where,
    clients_of,
    next_result,
    serving,
    until,
)
from tests.builders import BTC, opened, reported, rows, settings_in, verified
from tests.fakes import FakeVenue


def broken(db: Path, table: str, doing: str = "INSERT") -> None:
    with opened(db) as ledger:
        ledger.execute(
            f"CREATE TRIGGER broken BEFORE {doing} ON {table} "
            "BEGIN SELECT raise(ABORT, 'full'); END"
        )


def mended(db: Path) -> None:
    with opened(db) as ledger:
        ledger.execute("DROP TRIGGER broken")


# --- the socket


async def test_the_socket_is_beside_the_ledger_for_its_user_only_and_gone_at_the_end(
    tmp_path: Path,
) -> None:
    path = socket_path(tmp_path / "ledger.db")
    assert path == tmp_path / "ledger.db.sock"
    async with serving(tmp_path):
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_nobody_can_connect_before_the_socket_has_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with unix_socket.bound(path), socket.socket(socket.AF_UNIX) as early:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(ConnectionRefusedError):
            early.connect(str(path))


async def test_an_engine_without_a_channel_makes_no_socket(tmp_path: Path) -> None:
    async with Engine(settings_in(tmp_path), venue=FakeVenue()):
        assert not socket_path(tmp_path / "ledger.db").exists()


async def test_a_dead_engines_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path(tmp_path / "ledger.db")))
    async with serving(tmp_path) as engine, attached(tmp_path / "ledger.db") as client:
        assert client.hello.db == str(engine.settings.db)


async def test_a_socket_that_another_engine_made_since_is_left_alone(tmp_path: Path) -> None:
    path = socket_path(tmp_path / "ledger.db")
    async with serving(tmp_path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as others:
            others.bind(str(path))
    assert stat.S_ISSOCK(path.stat().st_mode)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("mine")])
async def test_a_channel_that_cannot_be_opened_is_logged_and_stops_nothing(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    path = socket_path(tmp_path / "ledger.db")
    make(path)
    before = path.stat()
    with capture_logs() as logs:
        async with serving(tmp_path) as engine:
            assert (await engine.cycle()).status is CycleStatus.OK
    (entry,) = [log for log in logs if log["event"] == "channel_unavailable"]
    assert (entry["path"], entry["error"]) == (str(path), "Address already in use")
    assert path.stat().st_ino == before.st_ino


async def test_a_path_too_long_for_a_socket_goes_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("longer" * 20)
    folder.mkdir(parents=True)
    assert len(str(socket_path(folder / "ledger.db"))) > 200
    async with serving(folder), attached(folder / "ledger.db") as client:
        assert (await client.command(Action.TRIGGER)).ok
    assert not socket_path(folder / "ledger.db").exists()


async def test_a_name_too_long_for_any_socket_is_no_reason_to_fail(tmp_path: Path) -> None:
    db = tmp_path / ("name" * 25)
    with capture_logs() as logs:
        async with Engine(settings_in(tmp_path, db=db), venue=FakeVenue(), channel=True) as engine:
            assert (await engine.cycle()).status is CycleStatus.OK
    assert "channel_unavailable" in [log["event"] for log in logs]


# --- what is pushed


async def test_a_client_is_told_at_once_who_how_and_what_was_last(tmp_path: Path) -> None:
    async with serving(tmp_path, symbols=BTC, account="north") as engine:
        result = await engine.cycle()
        async with bare(engine.settings.db) as connection:
            async with asyncio.timeout(LONGEST_S):
                lines = [json.loads(await connection.reader.readuntil()) for _ in range(3)]
    hello, beat, last = lines
    assert [line["type"] for line in lines] == ["hello", "beat", "result"]
    assert (hello["protocol"], hello["account"], hello["venue"]) == (PROTOCOL, "north", "sim")
    assert (hello["pid"], hello["epoch"], hello["mode"]) == (os.getpid(), 1, "sim")
    assert hello["holder"] == f"{socket.gethostname()}:{os.getpid()}"
    assert (hello["interval_ms"], hello["symbols"]) == (3_600_000, [BTC])
    assert (beat["state"], beat["cycle_id"], beat["killed"]) == ("running", None, None)
    assert CycleResult.model_validate(last["result"]) == result


async def test_every_result_of_a_burst_is_pushed_once_and_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path, interval=0) as engine, attached(engine.settings.db) as client:
        results: list[CycleResult] = []
        await engine.run(100, results.append)
        await client.command(Action.PAUSE)  # Its reply comes after all of them.
        await engine.close()
        pushed = [push.result async for push in client if isinstance(push, Published)]
    assert [result.cycle_id for result in results] == list(range(1, 101))
    assert pushed == results


async def test_a_beat_is_pushed_whenever_the_state_is_another(tmp_path: Path) -> None:
    venue = Gated()
    async with (
        serving(tmp_path, venue, interval=0) as engine,
        attached(engine.settings.db) as client,
    ):
        venue.shut()
        running = asyncio.create_task(engine.run())
        begun = await beat_where(client, lambda beat: beat.cycle_id == 1)
        assert begun.next_cycle_ms is None
        assert begun.cycle_started_ms is not None
        engine.pause()
        paused = await beat_where(client, lambda beat: beat.state is EngineState.PAUSED)
        assert paused.cycle_id == 1
        venue.gate.set()
        ended = await beat_where(client, lambda beat: beat.cycle_id is None)
        assert (ended.state, ended.next_cycle_ms) == (EngineState.PAUSED, None)
        engine.resume()
        await beat_where(client, lambda beat: beat.cycle_id == 2)
        engine.stop()
        await beat_where(client, lambda beat: beat.state is EngineState.STOPPING)
        await running


async def test_a_beat_says_when_the_next_cycle_is_due(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        running = asyncio.create_task(engine.run())
        first = (await next_result(client)).result
        beat = await beat_where(client, lambda beat: beat.next_cycle_ms is not None)
        assert abs((beat.next_cycle_ms or 0) - (first.started_ms + 3_600_000)) < 1_000
        engine.stop()
        await running


async def test_beats_come_as_long_as_somebody_is_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.BEAT_S == 1.0
    monkeypatch.setattr(server, "BEAT_S", 0.01)
    beats: list[object] = []
    real = server.Channel._beat

    def beat(channel: server.Channel) -> Beat:
        beats.append(channel)
        return real(channel)

    monkeypatch.setattr(server.Channel, "_beat", beat)
    async with serving(tmp_path) as engine:
        await engine.cycle()
        assert beats == []
        async with attached(engine.settings.db) as client:
            times = [(await beat_where(client, lambda beat: True)).now_ms for _ in range(5)]
        assert times == sorted(times)
        await until(lambda: not clients_of(engine))
        seen = len(beats)
        await engine.cycle()
        await asyncio.sleep(0.05)
        assert len(beats) == seen


async def test_without_a_client_nothing_is_written_down_for_anyone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []

    def written_down(message: BaseModel) -> bytes:
        written.append(message)
        return b""

    monkeypatch.setattr(server, "encoded", written_down)
    async with serving(tmp_path, interval=0) as engine:
        await engine.run(10)
        assert engine._up.channel is not None
        assert engine._up.channel._next_beat is None
    assert written == []


async def test_a_message_is_written_down_once_however_many_clients_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []

    def written_down(message: BaseModel) -> bytes:
        written.append(message)
        return attached_client.encoded(message)

    monkeypatch.setattr(server, "encoded", written_down)
    async with serving(tmp_path) as engine:
        db = engine.settings.db
        async with attached(db) as one, attached(db) as two, attached(db) as three:
            await engine.cycle()
            for client in (one, two, three):
                assert (await next_result(client)).result.cycle_id == 1
    assert len([message for message in written if isinstance(message, Published)]) == 1


async def test_text_that_no_encoding_has_reaches_the_clients_as_well_as_it_can(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1")])
    venue.failing["fetch_time"] = VenueUnavailable("bad \ud800 gateway")
    async with serving(tmp_path, venue) as engine, attached(engine.settings.db) as client:
        reply = await client.command(Action.TRIGGER)
        assert "bad ? gateway" in (await next_result(client)).result.errors[0].message
    assert (reply.ok, "bad ? gateway" in reply.message) == (False, True)
    assert audited(engine.settings.db)[0][2].endswith("bad \\ud800 gateway")


async def test_no_more_clients_are_taken_than_the_engine_can_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    async with serving(tmp_path) as engine:
        db = engine.settings.db
        async with bare(db) as one, bare(db) as two:
            for client in (one, two):
                assert (await client.ask("resume"))["ok"]
            async with bare(db) as three:
                assert await three.rest() == []
            assert (await one.ask("trigger"))["ok"]


# --- clients that are behind


async def falls_asleep(client: Bare, engine: Engine) -> None:
    """The client reads no more, and the kernel keeps little for it: it is behind soon."""
    await until(lambda: bool(clients_of(engine)))
    (its,) = clients_of(engine)
    its._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]


async def test_a_client_that_reads_nothing_misses_results_and_slows_no_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_client, "BUFFER_LIMIT", 16 * 1024)
    monkeypatch.setattr(attached_client, "PATIENCE_S", 3_600)
    async with serving(tmp_path, interval=0) as engine, bare(engine.settings.db) as asleep:
        await falls_asleep(asleep, engine)
        async with attached(engine.settings.db) as awake:
            await engine.run(50)
            last = 0
            while last < 50:
                last = (await next_result(awake)).result.cycle_id
        (lagging,) = [a for a in clients_of(engine) if a._behind_since]
        assert lagging._transport.get_write_buffer_size() < 16 * 1024 + 10_000
        asleep.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await until(lambda: not lagging._transport.get_write_buffer_size())
        await engine.cycle()
        seen: list[int] = []
        while not seen or seen[-1] < 51:
            seen.append((await asleep.next("result"))["result"]["cycle_id"])
    assert seen == sorted(set(seen))
    assert len(seen) < 51


async def test_a_client_that_is_behind_for_long_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (attached_client.BUFFER_LIMIT, attached_client.PATIENCE_S) == (2**20, 30.0)
    monkeypatch.setattr(attached_client, "BUFFER_LIMIT", 1_000)
    monkeypatch.setattr(attached_client, "PATIENCE_S", 0.05)
    monkeypatch.setattr(server, "BEAT_S", 0.01)
    async with serving(tmp_path, interval=0) as engine, bare(engine.settings.db) as asleep:
        await falls_asleep(asleep, engine)
        await engine.run(30)
        await until(lambda: not clients_of(engine))
        assert (await engine.cycle()).status is CycleStatus.OK


# --- commands


async def test_a_trigger_runs_a_cycle_and_tells_what_it_did(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, bare(engine.settings.db) as connection:
        reply = await connection.ask("trigger", id=41)
    assert (reply["id"], reply["ok"]) == (41, True)
    assert reply["message"] == "cycle 1: ok, 1 inserted"
    (row,) = audited(engine.settings.db)
    assert row == ("trigger", {"cycle_id": None, "id": 41}, "cycle 1: ok, 1 inserted")


async def test_a_cycle_that_committed_nothing_is_no_success(tmp_path: Path) -> None:
    venue = FakeVenue([reported("1")])
    venue.failing["fetch_time"] = VenueUnavailable("502 from the exchange")
    async with serving(tmp_path, venue) as engine, attached(engine.settings.db) as client:
        reply = await client.command(Action.TRIGGER)
    assert not reply.ok
    assert reply.message == "cycle 1: failed, the ledger is as it was; 502 from the exchange"


async def test_a_replay_names_the_cycle_it_ran_again_and_its_verdict(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        await client.command(Action.TRIGGER)
        reply = await client.command(Action.REPLAY, 1)
    assert (reply.ok, reply.message) == (True, "cycle 2 replayed 1: clean, 0 inserted")


async def test_a_preview_is_answered_with_what_would_be_and_kept_in_the_audit_too(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        await client.command(Action.TRIGGER)
        reply = await client.command(Action.PREVIEW, 1)
    assert reply.preview is not None
    assert (reply.preview.attempted, reply.preview.ignored) == (1, 1)
    assert reply.message == "replaying cycle 1 would insert 0, ignore 1 and find 0 conflicting"
    assert [action for action, _, _ in audited(engine.settings.db)] == ["trigger", "preview"]
    with opened(engine.settings.db) as ledger:
        assert rows(ledger, "SELECT count(*) FROM cycles") == [1]


@pytest.mark.parametrize("action", [Action.REPLAY, Action.PREVIEW])
async def test_a_cycle_that_is_not_there_is_named(tmp_path: Path, action: Action) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        reply = await client.command(action, 99)
    assert not reply.ok
    assert reply.message == (
        "cycle 99 does not exist, or its inputs are not kept; nothing was changed"
    )


async def test_pause_and_resume_say_what_was_so_already(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        actions = (Action.RESUME, Action.PAUSE, Action.PAUSE, Action.RESUME)
        replies = [await client.command(action) for action in actions]
    assert all(reply.ok for reply in replies)
    assert [reply.message for reply in replies] == [
        "was not paused",
        "paused: no cycle begins by itself until resumed",
        "was paused already",
        "resumed",
    ]


async def test_a_paused_engine_runs_what_it_is_told_to(tmp_path: Path) -> None:
    async with serving(tmp_path, interval=0) as engine, attached(engine.settings.db) as client:
        await client.command(Action.PAUSE)
        running = asyncio.create_task(engine.run())
        reply = await client.command(Action.TRIGGER)
        assert reply.message.startswith("cycle 1: ok")
        engine.stop()
        await running


async def test_kill_stops_orders_until_revive_and_both_are_shown_at_once(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db.kill"
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        first, second = [await client.command(Action.KILL) for _ in range(2)]
        assert file.exists()
        shown = await beat_where(client, lambda beat: beat.killed is not None)
        assert str(file) in (shown.killed or "")
        assert (await client.command(Action.TRIGGER)).ok
        third, fourth = [await client.command(Action.REVIVE) for _ in range(2)]
        assert not file.exists()
        await beat_where(client, lambda beat: beat.killed is None)
    assert all(reply.ok for reply in (first, second, third, fourth))
    assert first.message == f"killed: no order is sent while {file} exists"
    assert second.message == f"was killed already: {file} exists"
    assert (third.message, fourth.message) == ("revived: orders are sent again", "was not killed")


async def test_a_kill_switch_that_cannot_be_thrown_says_so_and_what_to_do(tmp_path: Path) -> None:
    risk = {"kill_switch_file": tmp_path / "no" / "folder" / "kill"}
    async with serving(tmp_path, risk=risk) as engine, attached(engine.settings.db) as client:
        reply = await client.command(Action.KILL)
    assert not reply.ok
    assert "No such file or directory; orders are still sent. Pause" in reply.message


async def test_what_the_configuration_killed_cannot_be_revived_from_here(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, risk={"kill_switch": True}) as engine,
        attached(engine.settings.db) as client,
    ):
        await client.command(Action.KILL)
        reply = await client.command(Action.REVIVE)
        assert (tmp_path / "ledger.db.kill").exists()
    assert not reply.ok
    assert "kill_switch is set in the configuration" in reply.message


async def test_a_kill_waits_neither_for_a_cycle_nor_for_the_database(tmp_path: Path) -> None:
    venue = Gated()
    async with (
        serving(tmp_path, venue, busy_timeout="10s") as engine,
        bare(engine.settings.db) as connection,
    ):
        venue.shut()
        connection.send(type="command", id=1, action="trigger")
        await venue.begun.wait()
        with opened(engine.settings.db) as other:
            other.execute("BEGIN IMMEDIATE")
            connection.send(type="command", id=2, action="pause")
            connection.send(type="command", id=3, action="kill")
            await until((tmp_path / "ledger.db.kill").exists)
            other.execute("ROLLBACK")
        replies = [await connection.next("reply") for _ in range(2)]
        assert [reply["id"] for reply in replies] == [2, 3]
        assert replies[0]["message"].endswith("; cycle 1 is still running")
        assert replies[1]["message"].endswith("; cycle 1 still runs, and sends no more")
        venue.gate.set()
        assert (await connection.next("reply"))["id"] == 1


async def test_once_a_kill_is_answered_the_running_cycle_sends_no_further_order(
    tmp_path: Path,
) -> None:
    class Ordering(FakeVenue):
        begun, gate = asyncio.Event(), asyncio.Event()

        async def submit(self, order: LimitOrder) -> VenueOrder:
            self.begun.set()
            await self.gate.wait()
            return await super().submit(order)

    venue = Ordering([reported("1")], marks={BTC: "100"})
    async with (
        serving(tmp_path, venue, strategy="ladder") as engine,
        attached(engine.settings.db) as client,
    ):
        asking = asyncio.create_task(client.command(Action.TRIGGER))
        await venue.begun.wait()
        reply = await client.command(Action.KILL)
        venue.gate.set()
        await asking
        result = (await next_result(client)).result
    assert reply.message.endswith("; cycle 1 still runs, and sends no more")
    assert result.orders_submitted == 1
    assert result.orders_refused > 0
    assert len(venue.sent) == 1


async def test_backfill_rebuilds_every_missing_row_but_that_of_the_running_cycle(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        for _ in range(3):
            await engine.cycle()
        with opened(engine.settings.db) as ledger:
            ledger.execute("DELETE FROM cycle_metrics WHERE cycle_id < 3")
        reply = await client.command(Action.BACKFILL)
        assert (reply.ok, reply.message) == (True, "metrics rebuilt: 2 of 2 that were missing")
        assert (await client.command(Action.BACKFILL)).message.startswith("metrics rebuilt: 0 of 0")
    assert verified(engine.settings.db).ok


async def test_a_backfill_that_fails_says_how_far_it_came(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        await engine.cycle()
        with opened(engine.settings.db) as ledger:
            ledger.execute("DELETE FROM cycle_metrics")
        broken(engine.settings.db, "cycle_metrics")
        reply = await client.command(Action.BACKFILL)
        mended(engine.settings.db)
    assert not reply.ok
    assert reply.message.startswith("metrics rebuilt: 0 of 1 that were missing; the rest")


async def test_commands_of_one_client_are_done_in_order_while_it_is_pushed_to(
    tmp_path: Path,
) -> None:
    venue = Gated()
    async with serving(tmp_path, venue) as engine, bare(engine.settings.db) as connection:
        venue.shut()
        for number, action in enumerate(("trigger", "trigger", "backfill", "trigger"), 1):
            connection.send(type="command", id=number, action=action)
        await connection.next("beat")
        assert (await connection.next("beat"))["cycle_id"] == 1
        venue.gate.set()
        replies = [await connection.next("reply") for _ in range(4)]
    assert [reply["id"] for reply in replies] == [1, 2, 3, 4]
    cycles = [reply["message"].partition(":")[0] for reply in replies]
    assert cycles == ["cycle 1", "cycle 2", "metrics rebuilt", "cycle 3"]


async def test_two_clients_commands_never_overlap(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine:
        db = engine.settings.db
        async with attached(db) as one, attached(db) as two:
            clients = (one, two) * 5
            replies = await asyncio.gather(*(c.command(Action.TRIGGER) for c in clients))
    ran = sorted(int(reply.message.partition(":")[0].removeprefix("cycle ")) for reply in replies)
    assert ran == list(range(1, 11))


async def test_of_a_client_that_left_what_runs_is_done_to_its_end_and_nothing_more_begun(
    tmp_path: Path,
) -> None:
    venue = Gated()
    async with serving(tmp_path, venue) as engine:
        async with bare(engine.settings.db) as connection:
            venue.shut()
            connection.send(type="command", id=5, action="trigger")
            connection.send(type="command", id=6, action="trigger")
            await venue.begun.wait()
            connection.writer.transport.abort()
        assert audited(engine.settings.db) == [("trigger", {"cycle_id": None, "id": 5}, "running")]
        venue.gate.set()
        await until(lambda: audited(engine.settings.db)[0][2] != "running")
    assert [outcome for *_, outcome in audited(engine.settings.db)] == ["cycle 1: ok, 1 inserted"]


async def test_a_client_that_only_stops_sending_still_gets_its_replies(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, bare(engine.settings.db) as connection:
        connection.send(type="command", id=1, action="trigger")
        connection.send(type="command", id=2, action="replay", cycle_id=1)
        connection.writer.write_eof()
        replies = [message for message in await connection.rest() if message["type"] == "reply"]
    assert [(reply["id"], reply["ok"]) for reply in replies] == [(1, True), (2, True)]


# --- what is not understood


BAD = [
    (b"hello\n", 0, "this is no JSON"),
    (b"\n", 0, "this is no JSON"),
    (b"\xff\xfe\x00\n", 0, "this is no JSON"),
    (b'{"type": "command", "id": 1, "action": "pa\xff"}\n', 0, "this is no JSON"),
    (b"[" * 10_000 + b"\n", 0, "this is no JSON"),
    (b'{"id": ' + b"9" * 10_000 + b"}\n", 0, "this is no JSON"),
    (b"[1, 2]\n", 0, "Input should be"),
    (b"null\n", 0, "Input should be"),
    (b'{"type": "beat", "id": 3, "action": "pause"}\n', 3, "type: Input should be 'command'"),
    (b'{"type": "command", "id": 4, "action": "explode"}\n', 4, "action: Input should be 'tri"),
    (b'{"type": "command", "id": 4}\n', 4, "action: Field required"),
    (b'{"type": "command", "action": "pause"}\n', 0, "id: Field required"),
    (b'{"type": "command", "id": "x", "action": "pause"}\n', 0, "id: Input should be"),
    (b'{"type": "command", "id": 5, "action": "replay"}\n', 5, "replay needs a cycle_id"),
    (b'{"type": "command", "id": 5, "action": "preview"}\n', 5, "preview needs a cycle_id"),
    (b'{"id": 6, "action": "replay", "cycle_id": "one"}\n', 6, "cycle_id: Input should be"),
    (b'{"id": 6, "action": "replay", "cycle_id": 0}\n', 6, "cycles are numbered from 1"),
    (b'{"id": 6, "action": "preview", "cycle_id": 99999999999999999999}\n', 6, "numbered from 1"),
    (b'{"id": 7, "action": "pause", "cycle_id": 3}\n', 7, "pause takes no cycle_id"),
]


@pytest.mark.parametrize(("line", "number", "problem"), BAD)
async def test_what_is_not_understood_is_named_and_the_connection_stays(
    tmp_path: Path, line: bytes, number: int, problem: str
) -> None:
    async with serving(tmp_path) as engine, bare(engine.settings.db) as connection:
        connection.write(line)
        refused = await connection.next("reply")
        assert (refused["id"], refused["ok"]) == (number, False)
        assert refused["message"].startswith("not understood: ")
        assert problem in refused["message"]
        assert (await connection.ask("pause", id=2**70))["ok"]
    assert [action for action, _, _ in audited(engine.settings.db)] == ["pause"]


async def test_a_line_of_64_kib_is_read_and_a_longer_one_ends_the_connection(
    tmp_path: Path,
) -> None:
    command = b'{"type": "command", "id": 1, "action": "pause"'
    async with serving(tmp_path) as engine, bare(engine.settings.db) as connection:
        connection.write(command + b" " * (64 * 1024 - len(command) - 1) + b"}\n")
        assert (await connection.next("reply"))["ok"]
        connection.write(b"x" * 70_000)
        refused = await connection.next("reply")
        assert "a line of more than 65536 bytes" in refused["message"]
        assert await connection.rest() == []
        async with attached(engine.settings.db) as client:
            assert (await client.command(Action.TRIGGER)).ok


async def test_a_line_that_never_ended_is_no_command(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, bare(engine.settings.db) as connection:
        connection.write(b'{"type": "command", "id": 1, "action": "pause"}')
        connection.writer.write_eof()
        assert "reply" not in [message["type"] for message in await connection.rest()]
    assert audited(engine.settings.db) == []


# --- the audit


async def test_the_audit_says_who_asked(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        await client.command(Action.PAUSE)
    name = pwd.getpwuid(os.getuid()).pw_name
    with opened(engine.settings.db) as ledger:
        assert rows(ledger, "SELECT actor FROM audit") == [
            f"{name} (uid {os.getuid()}) pid {os.getpid()}"
        ]


async def test_what_ran_when_an_engine_ended_is_interrupted_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        await client.command(Action.TRIGGER)
    with opened(engine.settings.db) as ledger:
        ledger.execute(
            "INSERT INTO audit (ts, actor, action, detail_json, outcome)"
            " VALUES (1, 'a', 'replay', '{}', 'running')"
        )
    async with serving(tmp_path):
        outcomes = [outcome for _, _, outcome in audited(engine.settings.db)]
    assert outcomes == ["cycle 1: ok, 1 inserted", "interrupted"]


async def test_what_cannot_be_kept_in_the_audit_is_done_all_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        broken(engine.settings.db, "audit")
        replies = [await client.command(a) for a in (Action.PAUSE, Action.KILL, Action.TRIGGER)]
        mended(engine.settings.db)
        assert (tmp_path / "ledger.db.kill").exists()
    assert all(reply.ok for reply in replies)
    assert all("; not kept in the audit: " in reply.message for reply in replies)
    assert audited(engine.settings.db) == []


async def test_an_outcome_that_could_not_be_kept_is_interrupted_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as client:
        broken(engine.settings.db, "audit", "UPDATE")
        reply = await client.command(Action.TRIGGER)
        mended(engine.settings.db)
    assert (reply.ok, "not kept in the audit" in reply.message) == (True, True)
    async with serving(tmp_path):
        assert [outcome for _, _, outcome in audited(engine.settings.db)] == ["interrupted"]


# --- the end


async def closing_while_asked(
    engine: Engine, venue: Gated, asks: Callable[[Bare], Awaitable[None]]
) -> list[dict[str, Any]]:
    """What a connection got to its end, of an engine that closes while `asks` are under way."""
    async with bare(engine.settings.db) as connection:
        venue.shut()
        await asks(connection)
        await venue.begun.wait()
        closing = asyncio.create_task(engine.close())
        for _ in range(5):
            await asyncio.sleep(0)
        if engine.settings.stop_timeout > 1_000:
            venue.gate.set()
        await closing
        return await connection.rest()


async def triggers(connection: Bare) -> None:
    connection.send(type="command", id=1, action="trigger")
    connection.send(type="command", id=2, action="trigger")
    await asyncio.sleep(0)


async def test_an_engine_that_ends_answers_what_runs_and_refuses_what_waits(tmp_path: Path) -> None:
    venue = Gated()
    engine = serving(tmp_path, venue)
    await engine.open()
    messages = await closing_while_asked(engine, venue, triggers)
    replies = {m["id"]: m for m in messages if m["type"] == "reply"}
    assert (replies[1]["ok"], replies[1]["message"]) == (True, "cycle 1: ok, 1 inserted")
    assert (replies[2]["ok"], replies[2]["message"]) == (
        False,
        "the engine is closing; nothing was changed",
    )
    assert next(m for m in messages if m["type"] == "result")["result"]["status"] == "ok"
    assert [outcome for *_, outcome in audited(engine.settings.db)] == [
        "cycle 1: ok, 1 inserted",
        "the engine is closing; nothing was changed",
    ]


async def test_a_cycle_that_hangs_at_the_end_is_answered_as_cut_short(tmp_path: Path) -> None:
    venue = Gated()
    engine = serving(tmp_path, venue, stop_timeout="20ms")
    await engine.open()
    messages = await closing_while_asked(engine, venue, triggers)
    reply = next(m for m in messages if m["type"] == "reply" and m["id"] == 1)
    assert not reply["ok"]
    assert "the engine ended before" in reply["message"]
    assert next(m for m in messages if m["type"] == "result")["result"]["status"] == "interrupted"


async def test_closing_does_not_wait_for_a_client_that_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_client, "FLUSH_S", 0.05)
    engine = serving(tmp_path, interval=0)
    await engine.open()
    async with bare(engine.settings.db) as asleep:
        await falls_asleep(asleep, engine)
        await engine.run(30)
        assert clients_of(engine)[0]._transport.get_write_buffer_size()
        async with asyncio.timeout(20):
            await engine.close()
    assert not socket_path(engine.settings.db).exists()


async def test_log_messages_reach_the_clients(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine:
        logs.tail.add(Logged(ts_ms=1, level="info", event="before"))
        async with attached(engine.settings.db) as client:
            logs.tail.add(Logged(ts_ms=2, level="info", event="after"))
            await asyncio.to_thread(
                logs.tail.add, Logged(ts_ms=3, level="info", event="from_a_thread")
            )
            seen = []
            async with asyncio.timeout(LONGEST_S):
                async for push in client:
                    if isinstance(push, Logged):
                        seen.append(push.event)
                        if push.event == "from_a_thread":
                            break
    assert seen[-3:] == ["before", "after", "from_a_thread"]
