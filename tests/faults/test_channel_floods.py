"""FAULTS 46: silent connections, a removed socket, other protocols, a flood: consoles get in."""

import asyncio
import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine import ChannelError, EngineClient
from engine.control import audit, server
from engine.control.messages import PROTOCOL, Action
from engine.control.unix_socket import address, socket_path
from engine.store.store import Store
from tests.attaching import (
    LONGEST_S,
    attached,
    audited,
    bare,
    beat_where,
    clients_of,
    serving,
    until,
)
from tests.builders import finished, opened, rows, started, verified
from tests.cases import mostly_long
from tests.faults.scenarios import health
from tests.faults.test_channel_faults import first_attached

# Opens connections that never say anything, and holds them.
SILENT = """
import socket, sys
path, count = sys.argv[1], int(sys.argv[2])
held = []
for _ in range(count):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    held.append(connection)
    connection.recv(1)
print("connected", flush=True)
sys.stdin.read()
"""


def silent(stack: ExitStack, db: Path, count: int) -> None:
    """A process with so many connections, each of which the engine has taken."""
    command = [sys.executable, "-c", SILENT, str(socket_path(db)), str(count)]
    process = stack.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"connected\n"


def engine(db: Path) -> subprocess.Popen[str]:
    return started("run", "--json", "--db", db, "--interval", "20ms")


@mostly_long("processes", [1, 8])
async def test_beside_64_silent_connections_a_console_gets_in_and_stays(
    processes: int, tmp_path: Path
) -> None:
    db = tmp_path / "ledger.db"
    with engine(db) as process, ExitStack() as stack:
        stack.callback(process.kill)
        early = await first_attached(db)
        for _ in range(processes):
            await asyncio.to_thread(silent, stack, db, 64 // processes)
        consoles = [await EngineClient.connect(db, LONGEST_S) for _ in range(3)]
        for console in consoles:
            assert (await console.command(Action.TRIGGER)).ok
        # They have asked something: more silent ones do not displace them, nor the early one.
        await asyncio.to_thread(silent, stack, db, 64 // processes)
        assert [console.ended for console in consoles] == [None] * 3
        assert (await early.command(Action.PAUSE)).ok
        for console in (early, *consoles):
            await console.close()
        process.terminate()
        assert (await asyncio.to_thread(finished, process)).code == 0
    assert list(health(db)) == []


async def test_a_client_that_makes_room_is_told_why(tmp_path: Path) -> None:
    async with serving(tmp_path) as one:
        db = one.settings.db
        async with bare(db) as first:
            await first.next("beat")
            others = [await EngineClient.connect(db) for _ in range(server.MAX_CLIENTS)]
            said = await first.rest()
            assert "connect again" in said[-1]["message"]
            await until(lambda: len(clients_of(one)) == server.MAX_CLIENTS)
            for other in others:
                await other.close()


async def test_where_all_have_asked_something_no_further_client_is_taken(tmp_path: Path) -> None:
    async with serving(tmp_path) as one:
        db = one.settings.db
        others = [await EngineClient.connect(db) for _ in range(server.MAX_CLIENTS)]
        for other in others:
            assert (await other.command(Action.RESUME)).ok
        with pytest.raises(ChannelError, match="takes no more clients"):
            await EngineClient.connect(db)
        for other in others:
            await other.close()


async def test_a_socket_that_was_removed_comes_back_and_who_is_attached_stays(
    tmp_path: Path,
) -> None:
    db = tmp_path / "ledger.db"
    with engine(db) as process, ExitStack() as stack:
        stack.callback(process.kill)
        one = await first_attached(db)
        for _ in range(2):
            socket_path(db).unlink()
            two = await first_attached(db)
            assert (await two.command(Action.TRIGGER)).ok
            assert (await one.command(Action.TRIGGER)).ok
            await two.close()
        assert socket_path(db).stat().st_mode & 0o777 == 0o600
        await one.close()
        process.terminate()
        ended = await asyncio.to_thread(finished, process)
        assert ended.code == 0
        assert ended.err.count("channel_socket_removed") == 2
    assert not socket_path(db).exists()


async def test_a_socket_of_another_engine_in_its_place_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "WATCH_S", 0.01)
    async with serving(tmp_path) as one, attached(one.settings.db) as console:
        path = socket_path(one.settings.db)
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other, address(path) as name:
            other.bind(name)
            inode = path.stat().st_ino
            for _ in range(3):
                await beat_where(console, lambda beat: True)
            assert path.stat().st_ino == inode
        assert (await console.command(Action.TRIGGER)).ok
    assert path.stat().st_ino == inode


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"protocol": PROTOCOL + 1}, f"protocol {PROTOCOL + 1}: this engine speaks"),
        ({"protocol": "x" * 9_000}, f"this engine speaks protocol {PROTOCOL}"),
        ({"dry_run": True}, "dry_run: Extra inputs are not permitted"),
        ({"action": "liquidate"}, "action: Input should be"),
    ],
)
async def test_what_is_not_understood_wholly_is_refused_with_the_reason_and_not_done(
    line: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    """A field that is unknown here may mean that less was wanted."""
    async with serving(tmp_path) as one:
        async with bare(one.settings.db) as client:
            reply = await client.ask(**({"action": "trigger"} | line))
            assert not reply["ok"]
            assert reason in reply["message"]
            assert reply["message"].endswith("; nothing was done")
            assert len(json.dumps(reply)) < 1_000
            assert (await client.ask("trigger"))["message"] == "cycle 1: ok, 1 inserted"
        assert len(audited(one.settings.db)) == 1


async def test_a_flood_of_commands_leaves_so_many_audit_rows_and_displaces_only_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MOST_OF_ONE", 50), ("EVERY", 10)):
        monkeypatch.setattr(audit, name, value)
    async with serving(tmp_path) as one:
        db = one.settings.db
        await one._up.store.write(decided)
        async with bare(db) as client:
            for number in range(400):
                assert (await client.ask("pause" if number % 2 else "resume"))["ok"]
        with opened(db) as ledger:
            counts = dict(rows(ledger, "SELECT action, count(*) FROM audit GROUP BY action"))
            [pruned] = rows(ledger, "SELECT detail_json FROM audit WHERE action = 'pruned'")
    assert counts["pause"] + counts["resume"] <= 60
    assert counts["quarantine resolve"] == 200
    assert json.loads(pruned)["rows"] + counts["pause"] + counts["resume"] == 400
    assert verified(db).ok


def decided(tx: Any) -> None:
    """Decisions, by the actor of the flood too: of the books, and never displaced."""
    for _ in range(200):
        values = {"ts": 1, "action": "quarantine resolve", "detail_json": "{}", "outcome": "ok"}
        tx.rows("audit_add", actor="somebody", **values)


async def test_of_many_processes_that_flood_all_rows_together_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST", 100)
    monkeypatch.setattr(audit, "EVERY", 10)
    async with serving(tmp_path) as one:
        store: Store = one._up.store
        kept = audit.Audit(store)
        for number in range(500):
            await kept.keep(audit.Entry(f"process {number}", "pause", {"id": 1}), "paused")
        with opened(one.settings.db) as ledger:
            [count] = rows(ledger, "SELECT count(*) FROM audit WHERE action = 'pause'")
    assert count <= 110


async def test_a_flood_of_silent_and_of_garbage_connections_ends_no_cycle(tmp_path: Path) -> None:
    db = tmp_path / "ledger.db"
    with engine(db) as process, ExitStack() as stack:
        stack.callback(process.kill)
        console = await first_attached(db)
        assert (await console.command(Action.RESUME)).ok
        for _ in range(4):
            await asyncio.to_thread(silent, stack, db, 40)
        async with bare(db) as garbage:
            garbage.write(b"\0" * 1_000_000)
            before = await beat_where(console, lambda beat: beat.cycle_id is not None)
            assert before.cycle_id is not None
            last = before.cycle_id
            await beat_where(console, lambda beat: (beat.cycle_id or 0) > last + 5)
        await console.close()
        process.terminate()
        assert (await asyncio.to_thread(finished, process)).code == 0
    assert verified(db).ok
    assert list(health(db)) == []
