"""What tests attach to an engine with: clients, and bare sockets that send what they like."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine import Engine
from engine.control.client import EngineClient
from engine.control.client_session import ClientSession
from engine.control.messages import Beat, Published
from engine.control.unix_socket import address, socket_path
from tests.builders import opened, reported, settings_in
from tests.fakes import FakeVenue

LONGEST_S = 60


def serving(folder: Path, venue: FakeVenue | None = None, **more: Any) -> Engine:
    """An engine with a channel, whose cycles run only when they are asked for."""
    settings = settings_in(folder, **({"interval": "1h"} | more))
    return Engine(settings, venue=venue or FakeVenue([reported("1")]), channel=True)


def clients_of(engine: Engine) -> list[ClientSession]:
    """The engine's end of each connection."""
    assert engine._up.channel is not None
    return list(engine._up.channel._attached.values())


class Gated(FakeVenue):
    """While `gate` is closed, each cycle's fetch waits; `begun` tells that one is under way."""

    def __init__(self) -> None:
        super().__init__([reported("1", ts=1_000)])
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()

    def shut(self) -> None:
        self.gate.clear()
        self.begun.clear()

    async def fetch_time(self) -> int:
        self.begun.set()
        await self.gate.wait()
        return await super().fetch_time()


class Bare:
    """A connection without a client's manners."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, **message: Any) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def next(self, *types: str) -> dict[str, Any]:
        """The next message of one of these types; the others are passed over."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                found: dict[str, Any] = json.loads(await self.reader.readuntil(b"\n"))
                if found["type"] in types:
                    return found

    async def rest(self) -> list[dict[str, Any]]:
        """Everything until the engine ends the connection."""
        async with asyncio.timeout(LONGEST_S):
            return [json.loads(line) for line in (await self.reader.read()).splitlines()]

    async def ask(self, action: str, **more: Any) -> dict[str, Any]:
        self.send(type="command", action=action, **({"id": 1} | more))
        return await self.next("reply")


@asynccontextmanager
async def bare(db: Path) -> AsyncIterator[Bare]:
    with address(socket_path(db)) as name:
        reader, writer = await asyncio.open_unix_connection(name, limit=2**26)
    try:
        yield Bare(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def attached(db: Path) -> AsyncIterator[EngineClient]:
    client = await EngineClient.connect(db)
    try:
        yield client
    finally:
        await client.close()


async def beat_where(client: EngineClient, accepts: Callable[[Beat], bool]) -> Beat:
    """The next beat that is as wanted."""
    async with asyncio.timeout(LONGEST_S):
        async for push in client:
            if isinstance(push, Beat) and accepts(push):
                return push
    raise AssertionError("the connection ended")


async def next_result(client: EngineClient) -> Published:
    async with asyncio.timeout(LONGEST_S):
        async for push in client:
            if isinstance(push, Published):
                return push
    raise AssertionError("the connection ended")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what has no event to wait for."""
    async with asyncio.timeout(LONGEST_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def audited(db: Path) -> list[tuple[str, dict[str, Any], str]]:
    """Action, detail and outcome of each row of the audit."""
    with opened(db) as connection:
        found = connection.execute("SELECT action, detail_json, outcome FROM audit ORDER BY id")
        return [(action, json.loads(detail), outcome) for action, detail, outcome in found]
