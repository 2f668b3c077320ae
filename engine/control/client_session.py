"""A client's session: its commands in order, and pushes as fast as it reads."""

import asyncio
import json
from contextlib import suppress

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from engine.control import unix_socket
from engine.control.commands import SWITCHES, Commands, read_command
from engine.control.messages import Command, Reply

# A line from a client may have so many bytes.
LINE_LIMIT = 64 * 1024
# A client that has so many bytes to read yet misses what is pushed; for so long, it is let go.
BUFFER_LIMIT = 1024 * 1024
PATIENCE_S = 30.0
# Commands of one client that are read and wait for their turn; what comes then is read later.
BACKLOG = 64
# A client that sends what cannot be understood is read more slowly.
GARBAGE_PAUSE_S = 0.01
MADE_ROOM = "the engine has all the clients it takes, and this one has asked nothing: connect again"
# How long what is still to be sent may take when the connection ends.
FLUSH_S = 1.0


def encoded(message: BaseModel) -> bytes:
    """A message as a line. A lone surrogate, which no encoding has, becomes a question mark."""
    try:
        text = message.model_dump_json()
    except PydanticSerializationError:
        text = json.dumps(message.model_dump(), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"


class ClientSession:
    """`push` never waits for the client; `serve` does, and runs until it has gone or `end`.

    `process` is the client's, null where the system does not tell; `has_asked` whether it ever gave
    a command.

    Commands are done one after another, in the order they came. Those that switch something, as
    pause and kill, are done at once: they do not wait for a cycle that was asked for before.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commands: Commands
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._transport = writer.transport
        self._transport.set_write_buffer_limits(BUFFER_LIMIT)
        self._commands = commands
        connection = writer.get_extra_info("socket")
        self._actor = unix_socket.peer(connection)
        self.process = unix_socket.process_of(connection)
        self.has_asked = False
        self._one_at_a_time = asyncio.Lock()
        self._room = asyncio.Semaphore(BACKLOG)
        self._reading: asyncio.Task[None] | None = None
        self._behind_since: float | None = None

    def push(self, line: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() <= BUFFER_LIMIT:
            self._behind_since = None
            self._transport.write(line)
            return
        now = asyncio.get_running_loop().time()
        self._behind_since = self._behind_since or now
        if now - self._behind_since >= PATIENCE_S:
            self._transport.abort()

    async def serve(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._reading = tasks.create_task(self._read(tasks))
        finally:
            await self._hang_up()

    def end(self) -> None:
        """Take no more commands; `serve` ends when those that are begun are done."""
        if self._reading is not None:
            self._reading.cancel()

    def make_room(self) -> None:
        """End at once, for another client: what is begun is done all the same."""
        self.push(encoded(Reply(id=0, ok=False, message=MADE_ROOM)))
        self._transport.abort()

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while (line := await self._line()) is not None:
            command = read_command(line)
            if isinstance(command, Reply):
                await self._send(command)
                await asyncio.sleep(GARBAGE_PAUSE_S)
            else:
                self.has_asked = True
                await self._room.acquire()
                tasks.create_task(self._execute(command))

    async def _line(self) -> bytes | None:
        """The client's next line; null where it has no more, or one that is too long."""
        try:
            return await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, OSError):
            return None
        except asyncio.LimitOverrunError:
            problem = f"not understood: a line of more than {LINE_LIMIT} bytes; nothing was done"
            await self._send(Reply(id=0, ok=False, message=problem))
            return None

    async def _execute(self, command: Command) -> None:
        try:
            if command.action in SWITCHES:
                await self._answer(command)
                return
            async with self._one_at_a_time:
                if not self._transport.is_closing():  # Nobody waits for it any more.
                    await self._answer(command)
        finally:
            self._room.release()

    async def _answer(self, command: Command) -> None:
        await self._send(await self._commands.execute(command, self._actor))

    async def _send(self, reply: Reply) -> None:
        """A reply is never left out: this waits for a client that is behind."""
        if not self._transport.is_closing():
            self._writer.write(encoded(reply))
            with suppress(OSError):
                await self._writer.drain()

    async def _hang_up(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._writer.wait_closed()
        except OSError:
            pass
        finally:
            self._transport.abort()
