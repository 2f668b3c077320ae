"""The console's end of the control channel."""

import asyncio
import itertools
import socket
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json

from engine.control.messages import (
    PROTOCOL,
    PUSH,
    Action,
    Beat,
    Command,
    Hello,
    Published,
    Reply,
    first_error,
)
from engine.control.unix_socket import connected, may_serve, peer, socket_path
from engine.cycles.feed import Subscription
from engine.cycles.results import Logged
from engine.errors import ChannelClosed, ChannelError
from engine.ledger.decision import Decision

__all__ = ["EngineClient", "socket_path"]

# Pushes that nobody has taken yet: the oldest are left out.
MAX_PUSHES = 1_000
# Between two tries to connect, while others wait to be taken too.
RETRY_S = 0.02
# A result has every position of the account: a push may have so many bytes.
PUSH_LIMIT = 64 * 1024 * 1024

ENDED_HERE = "this program ended the connection"


class EngineClient:
    """A connection to an engine, named by `hello`: its pushes by `async for`, and commands to it.

    The iteration ends when the connection does; `ended` then says why, and is null until then.
    `close` it in any case.
    """

    def __init__(
        self, hello: Hello, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.hello = hello
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._pushes: Subscription[Beat | Published | Logged] = Subscription(MAX_PUSHES)
        self.ended: str | None = None
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, db: Path, timeout: float = 2.0) -> "EngineClient":
        """Attach to the engine of the ledger file `db`, within `timeout` seconds.

        Raises `ChannelError`, which says why not: also where what listens there is neither a
        process of the file's owner, nor of this user, nor of root.
        """
        path = socket_path(db)
        try:
            async with asyncio.timeout(timeout):
                connection = await _connected(path)
                _require_trusted(connection, db, path)
                reader, writer = await asyncio.open_unix_connection(
                    sock=connection, limit=PUSH_LIMIT
                )
                return cls(await _greeted(reader, writer), reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise ChannelError(_why(error, path, timeout)) from None

    def __aiter__(self) -> Subscription[Beat | Published | Logged]:
        return self._pushes

    async def command(
        self, action: Action, cycle_id: int | None = None, decision: Decision | None = None
    ) -> Reply:
        """Ask for something, and wait for the answer, however long it takes.

        Raises `ChannelClosed` when the engine goes away meanwhile.
        """
        if self.ended is not None:
            raise ChannelClosed("the connection has ended; nothing was asked of the engine")
        command = Command(id=next(self._ids), action=action, cycle_id=cycle_id, decision=decision)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[command.id] = answer
        try:
            self._writer.write(command.model_dump_json().encode() + b"\n")
            return await answer
        finally:
            del self._asked[command.id]

    async def close(self) -> None:
        """Commands that are begun are done by the engine all the same."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        if self.ended is None:  # It was cancelled before it began.
            self._end(ENDED_HERE)
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        """The only reader: a reply gets through however many pushes nobody takes."""
        why = ENDED_HERE
        try:
            while True:
                message = PUSH.validate_json(await self._reader.readuntil(b"\n"))
                if isinstance(message, Reply):
                    self._answer(message)
                elif not isinstance(message, Hello):
                    self._pushes.give(message)
        except (EOFError, OSError, asyncio.LimitOverrunError, ValidationError) as error:
            why = _ending(error)
        finally:
            self._end(why)

    def _answer(self, reply: Reply) -> None:
        answer = self._asked.get(reply.id)
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _end(self, why: str) -> None:
        self.ended = why
        self._pushes.end()
        self._writer.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(
                    ChannelClosed(
                        f"{why} before the command was answered: the audit says whether it was "
                        "carried out"
                    )
                )


async def _connected(path: Path) -> socket.socket:
    """Not by asyncio, which takes a socket that has to wait its turn for a connected one."""
    while True:
        try:
            return connected(path)
        except BlockingIOError:
            await asyncio.sleep(RETRY_S)


def _require_trusted(connection: socket.socket, db: Path, path: Path) -> None:
    if not may_serve(connection, db):
        who = peer(connection)
        connection.close()
        raise ChannelError(
            f"{who} listens at {path}: that is neither this user, nor the ledger's owner, nor "
            "root. Nothing was asked of it"
        )


async def _greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Hello:
    try:
        return _hello(await reader.readuntil(b"\n"))
    except BaseException:
        writer.close()
        raise


def _hello(line: bytes) -> Hello:
    try:
        greeting = from_json(line)
        protocol = greeting["protocol"]
        if protocol == PROTOCOL:
            return Hello.model_validate(greeting)
    except (ValueError, KeyError, TypeError):
        raise ChannelError("what answers there is no engine of this program") from None
    raise ChannelError(
        f"the engine speaks protocol {protocol} (it is version {greeting.get('version')}), this "
        f"program protocol {PROTOCOL}: use the same version for both"
    )


def _ending(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the engine ended the connection"
    if isinstance(error, asyncio.LimitOverrunError):
        return f"the engine sent a line of more than {PUSH_LIMIT:,} bytes"
    if isinstance(error, ValidationError):
        return f"the engine sent what cannot be read: {first_error(error)}"
    return f"the connection to the engine broke: {error}"


def _why(error: Exception, path: Path, timeout: float) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no engine can be attached to: there is no {path}"
    if isinstance(error, ConnectionRefusedError):
        return f"no engine listens at {path}: the one that did has ended"
    if isinstance(error, PermissionError):
        return f"no permission for {path}: the engine runs as another user"
    if isinstance(error, TimeoutError):
        return f"the engine at {path} did not answer within {timeout:g} s"
    if isinstance(error, EOFError):
        return f"the engine at {path} takes no more clients, or is ending"
    return f"{path}: {error}"
