"""The control channel: pushes what the engine does to every client, and takes their commands.

A client that is slow, stopped or gone never slows the engine. Without any, nothing is done.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import structlog
from pydantic import BaseModel

from engine import logs
from engine.clock import now_ms
from engine.control import unix_socket
from engine.control.client_session import LINE_LIMIT, ClientSession, encoded
from engine.control.commands import Commands
from engine.control.messages import Beat, Hello, Published
from engine.cycles.feed import Feed
from engine.cycles.results import CycleResult, Logged
from engine.cycles.scheduler import Scheduler

log = structlog.get_logger("cycledeck.channel")

BEAT_S = 1.0
# How often it is looked whether the socket is still there.
WATCH_S = 1.0
MAX_CLIENTS = 64
# Clients that have made room may take a moment to leave.
LEAVING = 8
# Clients that come and go as fast as they can are taken no faster than one in this time.
ACCEPT_PAUSE_S = 0.005
# How long commands that are begun may take to end once the engine closes.
GRACE_S = 2.0


class Channel:
    """`open` at the end of the engine's start, `close` after its last cycle."""

    def __init__(
        self,
        hello: Hello,
        scheduler: Scheduler,
        feed: Feed,
        commands: Commands,
        killed: Callable[[], str | None],
    ) -> None:
        self._hello = hello
        self._scheduler = scheduler
        self._feed = feed
        self._commands = commands
        self._killed = killed
        self._thread = threading.get_ident()
        self._loop = asyncio.get_running_loop()
        self._attached: dict[asyncio.Task[None], ClientSession] = {}
        self._next_beat: asyncio.TimerHandle | None = None
        self._listening = ExitStack()
        self._socket = ExitStack()
        self._serving: asyncio.Task[None] | None = None

    def open(self, path: Path) -> None:
        """Listen at `path`. An engine whose channel cannot be opened runs without one."""
        self._feed.listen(self._published)
        self._scheduler.on_change = self._changed
        logs.tail.listen(self._logged)
        self._listening.callback(logs.tail.ignore, self._logged)
        self._serving = self._loop.create_task(self._serve(path, self._bound(path)))

    async def close(self) -> None:
        """Commands that are begun are answered first."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        self._socket.close()
        self._listening.close()
        for attached in self._attached.values():
            attached.end()
        if self._attached:
            _, busy = await asyncio.wait(self._attached, timeout=GRACE_S)
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)

    # --- the socket

    async def _serve(self, path: Path, listener: socket.socket | None) -> None:
        """Accept clients; where the socket was removed, or cannot be made yet, make it anew."""
        while True:
            accepting = self._loop.create_task(self._accept(listener)) if listener else None
            try:
                while unix_socket.is_there(path):  # noqa: ASYNC110 - a file tells nobody
                    await asyncio.sleep(WATCH_S)
            finally:
                if accepting is not None:
                    accepting.cancel()
                    await asyncio.gather(accepting, return_exceptions=True)
            self._socket.close()
            if listener is not None:
                log.warning("channel_socket_removed", path=str(path), message="it is made anew")
            if (listener := self._bound(path, quiet=listener is None)) is None:
                await asyncio.sleep(WATCH_S)

    def _bound(self, path: Path, *, quiet: bool = False) -> socket.socket | None:
        """The socket at the path, listening; null where it cannot be made."""
        try:
            listener = self._socket.enter_context(unix_socket.bound(path))
            listener.listen()
        except OSError as error:
            self._socket.close()
            if not quiet:
                reason = error.strerror or str(error)
                log.warning("channel_unavailable", path=str(path), error=reason)
            return None
        return listener

    # --- clients

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(listener)
                if self._has_room():
                    await self._attach(connection)
                else:
                    connection.close()
            except OSError as error:
                log.warning("client_not_accepted", error=str(error))
                await asyncio.sleep(BEAT_S)
            await asyncio.sleep(ACCEPT_PAUSE_S)

    def _has_room(self) -> bool:
        """Whether one more may attach: of those that never asked anything one makes room, of the
        process that has the most, the oldest."""
        if len(self._attached) < MAX_CLIENTS:
            return True
        silent = [session for session in self._attached.values() if not session.has_asked]
        if not silent:
            return False
        by_process = Counter(session.process for session in silent)
        max(silent, key=lambda session: by_process[session.process]).make_room()
        return len(self._attached) < MAX_CLIENTS + LEAVING

    async def _attach(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LINE_LIMIT)
        attached = ClientSession(reader, writer, self._commands)
        for message in self._greeting():
            attached.push(encoded(message))
        task = self._loop.create_task(attached.serve())
        self._attached[task] = attached
        task.add_done_callback(self._left)
        if self._next_beat is None:
            self._beat_in(BEAT_S)

    def _greeting(self) -> Iterator[BaseModel]:
        yield self._hello
        yield self._beat()
        if self._feed.latest is not None:
            yield Published(result=self._feed.latest)
        yield from logs.tail.messages

    def _left(self, task: asyncio.Task[None]) -> None:
        del self._attached[task]
        if not self._attached and self._next_beat is not None:
            self._next_beat.cancel()
            self._next_beat = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("client_failed", exc_info=error)

    # --- pushes

    def _published(self, result: CycleResult) -> None:
        if self._attached:
            self._push(Published(result=result))

    def _logged(self, message: Logged) -> None:
        """On whatever thread logs."""
        if not self._attached:
            return
        if threading.get_ident() == self._thread:
            self._push(message)
        else:
            self._loop.call_soon_threadsafe(self._push, message)

    def _changed(self) -> None:
        """One beat for all that changes at the same moment."""
        if self._attached:
            self._beat_in(0)

    def _beat_in(self, seconds: float) -> None:
        if self._next_beat is not None:
            self._next_beat.cancel()
        self._next_beat = self._loop.call_later(seconds, self._push_beat)

    def _push_beat(self) -> None:
        self._beat_in(BEAT_S)
        self._push(self._beat())

    def _beat(self) -> Beat:
        running = self._scheduler.running
        return Beat(
            now_ms=now_ms(),
            state=self._scheduler.state,
            next_cycle_ms=self._scheduler.next_cycle_ms,
            cycle_id=running.cycle_id if running else None,
            cycle_started_ms=running.started_ms if running else None,
            killed=self._killed(),
        )

    def _push(self, message: BaseModel) -> None:
        line = encoded(message)
        for attached in self._attached.values():
            attached.push(line)
