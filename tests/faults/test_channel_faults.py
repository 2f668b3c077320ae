"""FAULTS 17: whatever a client does, or is done to it, the engine goes on as without it."""

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from engine import ChannelClosed, ChannelError, CycleStatus, Engine, EngineClient
from engine.control import client_session as attached_client
from engine.control import server
from engine.control.messages import Action
from engine.control.unix_socket import socket_path
from engine.cycles.results import CycleResult
from engine.errors import LeaseHeld
from tests.attaching import (
    LONGEST_S,
    Gated,
    attached,
    audited,
    clients_of,
    next_result,
    serving,
    until,
)
from tests.builders import finished, opened, rows, started, verified
from tests.cases import mostly_long
from tests.faults.scenarios import health

# Connects, says so, and does what the second argument says, as fast as it can.
CLIENT = """
import itertools, os, socket, sys, threading
path, doing = sys.argv[1:]
def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection
def read(connection):
    while connection.recv(1 << 20):
        pass
connection = connect()
print("connected", flush=True)
if doing == "reads":
    read(connection)
elif doing == "asks":
    connection.sendall(b'{"type": "command", "id": 1, "action": "trigger"}\\n')
    read(connection)
elif doing == "comes and goes":
    while True:
        connect().close()
else:
    lines = {
        "triggers": b'{"type": "command", "id": 1, "action": "trigger"}\\n',
        "garbage": b"\\n" * 10_000 + b"garbage\\n" * 1_000,
        "resumes": b'{"id": 1, "action": "resume"}\\n' * 10,
    }[doing]
    threading.Thread(target=read, args=(connection,), daemon=True).start()
    while True:
        connection.sendall(lines)
"""


@asynccontextmanager
async def client(db: Path, doing: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A client in a process of its own, connected."""
    command = [sys.executable, "-c", CLIENT, str(socket_path(db)), doing]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"connected\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_stopped_client_costs_no_cycle_and_is_let_go_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_client, "BUFFER_LIMIT", 20_000)
    monkeypatch.setattr(attached_client, "PATIENCE_S", 0.5)
    monkeypatch.setattr(server, "BEAT_S", 0.05)
    async with serving(tmp_path, interval=0) as engine:
        db = engine.settings.db
        async with client(db, "reads") as process, attached(db) as awake:
            process.send_signal(signal.SIGSTOP)
            while not any(one._behind_since for one in clients_of(engine)):
                await engine.run(10)
            async with asyncio.timeout(LONGEST_S):
                await engine.run(100)
            await until(lambda: len(clients_of(engine)) == 1)
            assert (await awake.command(Action.TRIGGER)).ok
    assert list(health(db)) == []


async def test_a_stopped_client_that_goes_on_finds_what_it_missed_in_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_client, "BUFFER_LIMIT", 20_000)
    async with serving(tmp_path, interval=0) as engine:
        async with client(engine.settings.db, "reads") as process:
            process.send_signal(signal.SIGSTOP)
            while not any(one._behind_since for one in clients_of(engine)):
                await engine.run(10)
            process.send_signal(signal.SIGCONT)
            (one,) = clients_of(engine)
            await until(lambda: not one._transport.get_write_buffer_size())
            last = await engine.cycle()
            assert one._behind_since is None
        with opened(engine.settings.db) as ledger:
            assert rows(ledger, "SELECT count(*), max(cycle_id) FROM cycles") == [
                (last.cycle_id, last.cycle_id)
            ]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_command_whose_client_is_killed_or_stopped_is_done_and_kept(
    tmp_path: Path, number: signal.Signals
) -> None:
    venue = Gated()
    async with serving(tmp_path, venue) as engine:
        db = engine.settings.db
        venue.shut()
        async with client(db, "asks") as process:
            await venue.begun.wait()
            process.send_signal(number)
            venue.gate.set()
            async with attached(db) as other:
                reply = await other.command(Action.TRIGGER)
            await until(lambda: "running" not in [outcome for *_, outcome in audited(db)])
    assert (reply.ok, reply.message) == (True, "cycle 2: ok, 0 inserted")
    assert [outcome for *_, outcome in audited(db)] == [
        "cycle 1: ok, 1 inserted",
        "cycle 2: ok, 0 inserted",
    ]
    assert list(health(db)) == []


async def test_the_engines_own_cycles_take_turns_with_a_flood_of_commands(tmp_path: Path) -> None:
    """Between two cycles of the loop, each flooding client gets one at most."""
    own: list[int] = []
    async with serving(tmp_path, interval=0) as engine:
        db = engine.settings.db
        async with (
            client(db, "triggers"),
            client(db, "triggers"),
            client(db, "resumes"),
            client(db, "garbage"),
            client(db, "comes and goes"),
            asyncio.timeout(60),
        ):
            await engine.run(60, lambda result: own.append(result.cycle_id))
    gaps = [after - before for before, after in itertools.pairwise(own)]
    assert max(gaps) <= 3
    assert max(own) > 60
    assert list(health(db)) == []


async def test_the_interval_is_kept_under_a_flood(tmp_path: Path) -> None:
    own: list[CycleResult] = []
    async with serving(tmp_path, interval="100ms") as engine:
        db = engine.settings.db
        async with client(db, "triggers"), client(db, "garbage"), attached(db) as awake:
            running = asyncio.create_task(engine.run(20, own.append))
            await next_result(awake)
            assert (await awake.command(Action.PAUSE)).ok
            assert (await awake.command(Action.RESUME)).ok
            await running
    waits = [b.started_ms - a.started_ms for a, b in itertools.pairwise(own)]
    assert sorted(waits)[len(waits) // 2] < 200
    assert {result.status for result in own} == {CycleStatus.OK}
    assert verified(db).ok


async def test_a_second_engine_that_is_refused_leaves_the_firsts_channel_alone(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as engine:
        with pytest.raises(LeaseHeld):
            await serving(tmp_path).open()
        async with attached(engine.settings.db) as one:
            assert (await one.command(Action.TRIGGER)).ok


# --- the engine's own end


def running(db: Path, **env: str) -> subprocess.Popen[str]:
    return started("run", "--json", "--db", db, "--interval", "5ms", env=env)


async def first_attached(db: Path) -> EngineClient:
    await until(socket_path(db).exists)
    async with asyncio.timeout(LONGEST_S):
        while True:
            try:
                return await EngineClient.connect(db)
            except ChannelError:
                await asyncio.sleep(0.01)


async def test_an_engine_that_is_killed_leaves_a_socket_that_the_next_one_takes_over(
    tmp_path: Path,
) -> None:
    """The command that ran then is marked as interrupted."""
    db = tmp_path / "ledger.db"
    # An exchange that never answers: a cycle waits for the next try.
    hangs = {"CYCLEDECK_SIM__MISCHIEF__TIMEOUT": "1", "CYCLEDECK_RETRY_WAIT": "1h"}
    with running(db, **hangs) as process:
        one = await first_attached(db)
        asking = asyncio.create_task(one.command(Action.TRIGGER))
        await until(lambda: bool(audited(db)))
        process.kill()
        with pytest.raises(ChannelClosed, match="the audit says"):
            await asking
        await one.close()
    assert socket_path(db).exists()
    with running(db) as process:
        two = await first_attached(db)
        assert (await two.command(Action.TRIGGER)).ok
        await two.close()
        process.terminate()
        assert (await asyncio.to_thread(finished, process)).code == 0
    outcomes = [outcome for *_, outcome in audited(db)]
    assert outcomes[0] == "interrupted"
    assert outcomes[1].startswith("cycle ")
    assert list(health(db)) == []


async def _wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    while text not in await asyncio.to_thread(process.stderr.readline):
        assert process.poll() is None


@mostly_long("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_it_starts_ends_an_engine_that_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    """FAULTS 4: it waits for a silent holder's lease at that moment."""
    db = tmp_path / "ledger.db"
    async with Engine(serving(tmp_path).settings):
        pass
    with opened(db) as ledger:
        ledger.execute("UPDATE lease SET holder = 'elsewhere:1', host = 'elsewhere'")
        ledger.execute("UPDATE lease SET heartbeat_ms = 1, acquired_ms = 1")
        before = rows(ledger, "SELECT * FROM lease")
    process = running(db)
    await _wait_for(process, "lease_holder_silent")
    process.send_signal(number)
    ended = await asyncio.to_thread(finished, process, 20)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert not socket_path(db).exists()
    with opened(db) as ledger:
        assert rows(ledger, "SELECT * FROM lease") == before
        assert rows(ledger, "PRAGMA journal_mode") == ["wal"]
