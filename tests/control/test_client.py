"""The console's end: attaching or saying why not, pushes, and a reply to every command."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import ChannelClosed, ChannelError, EngineClient, EngineState, printable
from engine.control import client
from engine.control.client import socket_path
from engine.control.messages import PROTOCOL, Action, Beat, Hello, Published
from tests.attaching import LONGEST_S, Gated, attached, beat_where, next_result, serving, until
from tests.builders import reported
from tests.fakes import FakeVenue

HELLO = Hello(
    version="9.9", account="main", venue="sim", mode="sim", strategy="auto", db="/l.db", pid=1,
    holder="h:1", epoch=1, started_ms=0, interval_ms=1, lookback_ms=1,
)  # fmt: skip


@asynccontextmanager
async def pretending(
    db: Path, greeting: bytes, then: Callable[[asyncio.StreamWriter], None] = lambda writer: None
) -> AsyncIterator[None]:
    """Something at the engine's socket that greets as told."""

    left: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left.append(asyncio.Event())
        writer.write(greeting)
        then(writer)
        await reader.read()
        writer.close()
        left[-1].set()

    server = await asyncio.start_unix_server(serve, str(socket_path(db)))
    async with server:
        yield
        for event in left:
            await event.wait()


def line(model: Any, **changes: Any) -> bytes:
    return json.dumps(model.model_dump(mode="json") | changes).encode() + b"\n"


# --- attaching


async def test_without_an_engine_it_is_said_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match=r"there is no .*/ledger\.db\.sock"):
        await EngineClient.connect(tmp_path / "ledger.db")


async def test_a_socket_that_a_dead_engine_left_is_told_from_a_living_one(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path(tmp_path / "l.db")))
    with pytest.raises(ChannelError, match="the one that did has ended"):
        await EngineClient.connect(tmp_path / "l.db")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="channel-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_another_users_engine_is_out_of_reach(open_folder: Path) -> None:
    """As root, it is tried as somebody else; as anybody else, on a socket without permission."""
    async with serving(open_folder) as engine:
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        else:
            socket_path(engine.settings.db).chmod(0)
        try:
            with pytest.raises(ChannelError, match=r"no permission for .* as another user"):
                await EngineClient.connect(engine.settings.db)
        finally:
            os.seteuid(0 if root else os.getuid())


async def test_an_engine_is_found_through_a_link_to_its_ledger(tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    async with serving(tmp_path) as engine:
        link.symlink_to(engine.settings.db)
        async with attached(link) as attached_:
            assert attached_.hello.db == str(engine.settings.db)


@contextmanager
def listening_as(user: int, db: Path) -> Iterator[None]:
    """A socket that another user's process listens at, open to everybody."""
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(socket_path(db)))
        socket_path(db).chmod(0o777)
        os.seteuid(user)
        try:
            others.listen()
        finally:
            os.seteuid(0)
        yield


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
@pytest.mark.parametrize(
    ("listens", "owns", "looks", "trusted"),
    [
        (65534, 0, 0, False),
        (65534, None, 0, False),
        (65534, 65534, 0, True),
        (0, 65534, 65534, True),
        (65534, 0, 65534, True),
        (1, 65534, 65534, False),
        (1, 1, 65534, True),
    ],
)
async def test_only_the_ledgers_owner_this_user_and_root_are_taken_for_its_engine(
    open_folder: Path, listens: int, owns: int | None, looks: int, trusted: bool
) -> None:
    """Others can listen beside the ledger, where its folder lets them: they are named instead."""
    db = open_folder / "l.db"
    if owns is not None:
        db.touch()
        os.chown(db, owns, owns)
    with listening_as(listens, db):
        os.seteuid(looks)
        try:
            with pytest.raises(ChannelError) as caught:
                await EngineClient.connect(db, timeout=0.05)
        finally:
            os.seteuid(0)
    said = "did not answer" if trusted else rf"\(uid {listens}\) pid {os.getpid()} listens at {db}"
    assert re.search(said, str(caught.value))


async def test_an_engine_of_another_protocol_is_refused_by_name(tmp_path: Path) -> None:
    greeting = line(HELLO, protocol=PROTOCOL + 1, version="7.0", account=None)
    async with pretending(tmp_path / "l.db", greeting):
        with pytest.raises(ChannelError, match=r"protocol 2 \(it is version 7\.0\), this program"):
            await EngineClient.connect(tmp_path / "l.db")


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"[]\n",
        b"{}\n",
        pytest.param(b"[" * 200_000 + b"\n", id="nested"),
        line(HELLO, pid=None),
    ],
)
async def test_what_is_no_engine_is_not_taken_for_one(tmp_path: Path, greeting: bytes) -> None:
    async with pretending(tmp_path / "l.db", greeting):
        with pytest.raises(ChannelError, match="no engine of this program"):
            await EngineClient.connect(tmp_path / "l.db")


async def test_an_engine_that_does_not_answer_is_waited_for_only_so_long(tmp_path: Path) -> None:
    async with pretending(tmp_path / "l.db", b""):
        with pytest.raises(ChannelError, match=r"did not answer within 0\.05 s"):
            await EngineClient.connect(tmp_path / "l.db", timeout=0.05)


async def test_where_many_want_in_each_waits_its_turn(tmp_path: Path) -> None:
    """A listener that takes nobody, its queue full: that is no error, and not for ever."""
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(str(socket_path(tmp_path / "l.db")))
        busy.listen(0)
        first.connect(str(socket_path(tmp_path / "l.db")))
        with pytest.raises(ChannelError, match=r"did not answer within 0\.1 s"):
            await EngineClient.connect(tmp_path / "l.db", timeout=0.1)


async def test_an_engine_that_hangs_up_at_once_takes_no_more(tmp_path: Path) -> None:
    async with pretending(tmp_path / "l.db", b"", lambda writer: writer.close()):
        with pytest.raises(ChannelError, match="takes no more clients, or is ending"):
            await EngineClient.connect(tmp_path / "l.db")


# --- pushes


async def test_pushes_come_by_iteration_and_end_with_the_connection(tmp_path: Path) -> None:
    engine = serving(tmp_path)
    await engine.open()
    async with attached(engine.settings.db) as attached_:
        assert attached_.hello.holder.endswith(f":{os.getpid()}")
        result = await engine.cycle()
        assert (await next_result(attached_)).result == result
        await engine.close()
        async with asyncio.timeout(LONGEST_S):
            rest = [push async for push in attached_]
            assert [push async for push in attached_] == []
    assert isinstance(rest[-1], Beat)
    assert rest[-1].state is EngineState.STOPPING


async def test_a_program_that_takes_no_pushes_keeps_the_newest_and_loses_no_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.MAX_PUSHES == 1_000
    monkeypatch.setattr(client, "MAX_PUSHES", 5)
    async with serving(tmp_path, interval=0) as engine, attached(engine.settings.db) as idle:
        await engine.run(20)
        replies = [await idle.command(Action.TRIGGER) for _ in range(5)]
        assert [reply.message for reply in replies] == [
            f"cycle {cycle_id}: ok, 0 inserted" for cycle_id in range(21, 26)
        ]
        await engine.close()
        pushes = [push async for push in idle]
    assert len(pushes) == 5
    assert isinstance(pushes[-1], Beat)


async def test_closing_ends_an_iteration_that_waits(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine:
        attached_ = await EngineClient.connect(engine.settings.db)

        async def follow() -> int:
            return len([push async for push in attached_])

        following = asyncio.create_task(follow())
        await asyncio.sleep(0)
        await attached_.close()
        await attached_.close()
        assert await following >= 1


async def test_a_result_of_many_positions_is_one_line_all_the_same(tmp_path: Path) -> None:
    fills = [reported(str(n), symbol=f"COIN{n}/USDT") for n in range(400)]
    async with (
        serving(tmp_path, FakeVenue(fills)) as engine,
        attached(engine.settings.db) as attached_,
    ):
        await engine.cycle()
        push = await next_result(attached_)
    assert len(push.model_dump_json()) > 64 * 1024
    assert len(push.result.positions) == 400


# --- commands


async def test_each_reply_reaches_the_command_it_answers(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine, attached(engine.settings.db) as attached_:
        trigger, pause, replay, resume = await asyncio.gather(
            attached_.command(Action.TRIGGER),
            attached_.command(Action.PAUSE),
            attached_.command(Action.REPLAY, 1),
            attached_.command(Action.RESUME),
        )
    assert trigger.message.startswith("cycle 1: ok")
    assert pause.message.startswith("paused")
    assert replay.message.startswith("cycle 2 replayed 1")
    assert resume.message == "resumed"


async def test_a_program_may_give_up_waiting_and_ask_for_something_else(tmp_path: Path) -> None:
    venue = Gated()
    async with serving(tmp_path, venue) as engine, attached(engine.settings.db) as attached_:
        venue.shut()
        asking = asyncio.create_task(attached_.command(Action.TRIGGER))
        await venue.begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        venue.gate.set()
        reply = await attached_.command(Action.TRIGGER)
        assert reply.message.startswith("cycle 2: ok")


async def test_a_command_whose_engine_goes_away_says_where_to_look(tmp_path: Path) -> None:
    def hang_up(writer: asyncio.StreamWriter) -> None:
        asyncio.get_running_loop().call_later(0.05, writer.close)

    async with (
        pretending(tmp_path / "l.db", line(HELLO), hang_up),
        attached(tmp_path / "l.db") as attached_,
    ):
        with pytest.raises(ChannelClosed, match="the audit says whether"):
            await attached_.command(Action.TRIGGER)
        with pytest.raises(ChannelClosed, match="nothing was asked of the engine"):
            await attached_.command(Action.TRIGGER)


async def test_what_cannot_be_read_ends_the_connection_and_hangs_nobody(tmp_path: Path) -> None:
    async with (
        pretending(tmp_path / "l.db", line(HELLO) + b'{"type": "gossip"}\n'),
        attached(tmp_path / "l.db") as attached_,
    ):
        async with asyncio.timeout(LONGEST_S):
            assert [push async for push in attached_] == []
        with pytest.raises(ChannelClosed):
            await attached_.command(Action.PAUSE)


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (b"", "the engine ended the connection"),
        (b'{"type": "be', "the engine ended the connection"),
        (b'{"type": "gossip"}\n', "the engine sent what cannot be read: .*'gossip'"),
        (b'{"type": "beat", "now_ms": 1, "state": "ill"}\n', r"cannot be read: beat\.state: Input"),
        (b"[" * 3_000 + b"\n", "the engine sent what cannot be read"),
        (b" " * 5_000 + b"\n", r"the engine sent a line of more than 4,000 bytes"),
    ],
    ids=["end", "half", "other type", "bad field", "nested", "long"],
)
async def test_why_a_connection_ended_is_known_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: bytes, why: str
) -> None:
    monkeypatch.setattr(client, "PUSH_LIMIT", 4_000)
    async with pretending(tmp_path / "l.db", line(HELLO) + last, lambda writer: writer.write_eof()):
        async with attached(tmp_path / "l.db") as attached_:
            async with asyncio.timeout(LONGEST_S):
                assert [push async for push in attached_] == []
            assert re.search(why, attached_.ended or "")
        assert re.search(why, attached_.ended or "")


async def test_a_connection_that_this_program_ended_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine:
        async with attached(engine.settings.db) as attached_:
            assert attached_.ended is None
        assert attached_.ended == "this program ended the connection"
        async with asyncio.timeout(LONGEST_S):
            assert [push async for push in attached_] == []


async def test_a_command_that_this_program_did_not_wait_for_says_who_ended_the_connection(
    tmp_path: Path,
) -> None:
    async with (
        pretending(tmp_path / "l.db", line(HELLO)),
        attached(tmp_path / "l.db") as attached_,
    ):
        asking = asyncio.ensure_future(attached_.command(Action.TRIGGER))
        await asyncio.sleep(0)
        await attached_.close()
        with pytest.raises(ChannelClosed, match="this program ended the connection before"):
            await asking


# --- a whole program


async def test_a_running_program_is_followed_told_and_ended(tmp_path: Path) -> None:
    """The command line's `run`, started as a console starts it."""
    db = tmp_path / "ledger.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine.cli", "run", "--db", str(db), "--interval", "20ms",
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        async with attached(await _up(db)) as attached_:
            assert attached_.hello.pid == process.pid
            assert attached_.hello.venue == "sim"
            numbers = [(await next_result(attached_)).result.cycle_id for _ in range(5)]
            assert numbers == [*range(numbers[0], numbers[0] + 5)]
            assert (await attached_.command(Action.REPLAY, 1)).ok
            assert (await attached_.command(Action.PAUSE)).ok
            await beat_where(
                attached_,
                lambda beat: beat.state is EngineState.PAUSED and beat.cycle_id is None,
            )
            process.terminate()
            async with asyncio.timeout(LONGEST_S):
                rest = [push async for push in attached_]
            assert not [push for push in rest if isinstance(push, Published)]
        _, err = await process.communicate()
        assert process.returncode == 0, printable(err.decode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert not socket_path(db).exists()


async def _up(db: Path) -> Path:
    await until(socket_path(db).exists)
    async with asyncio.timeout(LONGEST_S):
        while True:
            try:
                await (await EngineClient.connect(db)).close()
            except ChannelError:
                await asyncio.sleep(0.01)
            else:
                return db
