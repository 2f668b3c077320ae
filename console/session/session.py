"""The deck: the state of a ledger and its engine, and the commands for that. No widgets here.

An engine that can be reached publishes what happens as it happens. The ledger file is always read
as well: for what happened before, for what was missed, and for everything when there is no engine
to ask.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from console.session.engine_process import EngineProcess
from console.session.target import Target
from console.session.trouble import ConnectionState
from console.session.view import ConsoleState, Link, Past

if TYPE_CHECKING:
    from engine import (
        Action,
        CycledeckError,
        EngineClient,
        Hello,
        History,
        Push,
        Reply,
        Settings,
        StoreReplaced,
    )

# How often things are tried or looked at, in seconds.
ATTACH_SOONEST, ATTACH_LATEST = 0.05, 1.0
LOOK_EVERY = 0.5
REOPEN_AFTER = 0.5
TICK = 1.0

# How many cycles are read from the file to begin with; of how many charts show positions.
RECENT, CHARTED = 240, 60


class NoEngine(Exception):
    """There is no engine to ask: none is running, or its control channel is closed to this user."""


class Deck:
    """`publish` is called with every new view. `run` works until it is cancelled.

    `view` is what is shown, which may be frozen or past; `live` is how things are, and what
    anything that acts goes by.
    """

    def __init__(self, target: Target, process: EngineProcess | None = None) -> None:
        self.target = target
        self.process = process
        self.settings: Settings | None = None
        self.history: History | None = None
        self.view = ConsoleState(owns_engine=process is not None)
        self.live = self.view
        self._connection = ConnectionState(target)
        self._client: EngineClient | None = None
        self._attached = asyncio.Event()
        self._filled_in = 0
        self._publish: Callable[[ConsoleState], None] = lambda view: None

    async def run(self, publish: Callable[[ConsoleState], None]) -> None:
        """Raises `SettingsError` where the target cannot be used at all."""
        self._publish = publish
        self.settings = await asyncio.to_thread(self.target.load)
        self._change(account=self.settings.account)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._attach(self.settings))
            tasks.create_task(self._read(self.settings))
            tasks.create_task(self._tick())

    # --- asking

    async def ask(
        self, action: "Action", hello: "Hello | None", cycle_id: int | None = None
    ) -> "Reply":
        """`hello` is of the engine meant. Raises `NoEngine` where that is not the one attached
        now, or `ChannelClosed` where it goes away meanwhile."""
        if self._client is None or hello is None:
            raise NoEngine("there is no engine to ask any more; nothing was asked or changed")
        if self._client.hello != hello:
            raise NoEngine(
                f"the engine this was about (pid {hello.pid}) is gone, another one is there "
                f"(pid {self._client.hello.pid}); nothing was asked or changed"
            )
        reply: Reply = await self._client.command(action, cycle_id)
        return reply

    def restart(self) -> None:
        """Start this console's own engine again, after it ended."""
        if self.process is not None and self.process.exit_code is not None:
            self.process = EngineProcess(self.target.command("run"))
            self._connection = ConnectionState(self.target)
            self._change()

    # --- time

    async def travel(self, cycle_id: int | None) -> None:
        """Show the state as of a cycle; null is the present. Nothing changes while no file is open.

        Raises `NoSuchCycle` or `StoreError`.
        """
        past, history = None, self.history
        if cycle_id is not None:
            if history is None:
                return
            result = await history.result(cycle_id)
            results = await history.results(RECENT, before=cycle_id)
            cursors = await history.cursors(cycle_id)
            past = Past(result, (result, *results), cursors)
        self.live = replace(self.live, past=past)
        self.view = replace(self.view, past=past)
        self._publish(self.view)

    async def older(self) -> None:
        """One cycle back from what is shown."""
        shown = self.view.shown_results
        if len(shown) > 1:
            await self.travel(shown[1].cycle_id)

    async def newer(self) -> None:
        """One cycle on from what is shown; from the newest one on, that is the present."""
        past, latest, history = self.view.past, self.view.latest, self.history
        if past is None or latest is None or history is None:
            return
        shown, reach = past.result.cycle_id, 2
        while shown + reach <= latest.cycle_id:
            results = await history.results(reach, before=shown + reach)
            later = [result.cycle_id for result in results if result.cycle_id > shown]
            if later:
                await self.travel(min(later))
                return
            reach *= 2
        await self.travel(None)

    def freeze(self) -> None:
        """Have the view stand still, or go on; nothing that happens meanwhile is lost."""
        frozen = not self.view.frozen
        self.view = replace(self.live, frozen=frozen, past=self.view.past)
        self._publish(self.view)

    # --- the engine

    async def _attach(self, settings: "Settings") -> None:
        from engine import ChannelError, EngineClient

        wait = ATTACH_SOONEST
        while True:
            began = time.monotonic()
            try:
                trouble = await self._listen(await EngineClient.connect(settings.db))
            except ChannelError as error:
                trouble = str(error)
            if time.monotonic() - began > ATTACH_LATEST:
                wait = ATTACH_SOONEST
            self._connection = replace(self._connection, channel_error=trouble)
            self._change()
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, ATTACH_LATEST)

    async def _listen(self, client: "EngineClient") -> str:
        """Until the connection ends; returns why it did."""
        self._client = client
        self._attached.set()
        hello = client.hello
        self._connection = ConnectionState(self.target, starting=False)
        owned = self.process is not None and self.process.pid == hello.pid
        self._change(
            heard=True, link=Link.ATTACHED, hello=hello, account=hello.account, owns_engine=owned
        )
        try:
            async for push in client:
                self._take(push)
            return client.ended or ""
        finally:
            self._client = None
            await client.close()
            self._change(link=Link.READING, beat=None)

    def _take(self, push: "Push") -> None:
        match push.type:
            case "beat":
                self._change(heard=True, beat=push)
            case "result":
                self.live = self.live.with_results([push.result])
                self._change(heard=True)
            case "log":
                self.live = self.live.with_logs([push])
                self._change(heard=True)

    # --- the file

    async def _read(self, settings: "Settings") -> None:
        from engine import CycledeckError, StoreReplaced

        while True:
            try:
                await self._follow(settings)
            except StoreReplaced as error:
                self._other_file(error)
            except CycledeckError as error:
                self._file_failed(error)
            await asyncio.sleep(REOPEN_AFTER)

    async def _follow(self, settings: "Settings") -> None:
        from engine import History

        history = await History.open(settings.db, settings.account)
        try:
            self.history = history
            seen = await history.news()
            await self._catch_up(history)
            while True:
                missed = await self._just_attached()
                news = await history.news()
                if missed or (news != seen and (self._client is None or self._incomplete)):
                    await self._catch_up(history)
                else:
                    self._file_is_well()
                seen = news
        finally:
            self.history = None
            await history.close()

    async def _just_attached(self) -> bool:
        """Wait a moment, less when the engine is there: cycles that ended before it publishes any
        are in the file by then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await self._attached.wait()
        attached = self._attached.is_set()
        self._attached.clear()
        return attached

    async def _catch_up(self, history: "History") -> None:
        books = await history.books()
        results = list(await history.results(RECENT))
        if results:
            results[0] = await history.result(results[0].cycle_id)
        self.live = self.live.with_results(results).with_books(books)
        self._file_is_well()
        self._change(heard=self._client is None)
        await self._fill_in(history)

    async def _fill_in(self, history: "History") -> None:
        """Read the positions that charts show, after cycles that no engine published."""
        charted = self.live.results[:CHARTED]
        lacking = [r for r in charted if r.committed and not r.positions]
        if lacking and lacking[0].cycle_id > self._filled_in:
            self._filled_in = lacking[0].cycle_id
            results = await history.results(CHARTED, with_positions=True)
            self.live = self.live.with_results(results)
            self._change()

    @property
    def _incomplete(self) -> bool:
        """Something is missing that the file may have: a cycle in between, or metrics."""
        recent = self.live.results[:RECENT]
        apart = any(a.cycle_id - b.cycle_id != 1 for a, b in pairwise(recent))
        return apart or any(result.committed and not result.metrics_persisted for result in recent)

    def _file_is_well(self) -> None:
        link = Link.ATTACHED if self._client else Link.READING
        if self._connection.file_error is not None or self.live.link is not link:
            self._connection = replace(self._connection, file_error=None)
            self._change(link=link)

    def _file_failed(self, error: "CycledeckError") -> None:
        self._connection = replace(self._connection, file_error=error)
        awaited = self.process is not None and self.process.exit_code is None
        self._change(link=self.live.link if awaited or self.live.attached else Link.READING)

    def _other_file(self, error: "StoreReplaced") -> None:
        """The state was another file's: begin anew with what is at the path now."""
        self._filled_in = 0
        self.live = ConsoleState(
            link=self.live.link,
            account=self.live.account,
            hello=self.live.hello,
            beat=self.live.beat,
            owns_engine=self.live.owns_engine,
        )
        self._file_failed(error)

    # --- publishing

    async def _tick(self) -> None:
        """Notice what changes by time alone: an engine that falls silent, a process that ended."""
        while True:
            await asyncio.sleep(TICK)
            self._change()

    def _change(self, *, heard: bool = False, **changes: object) -> None:
        now_ms = time.time_ns() // 1_000_000
        if heard:
            changes["heard_ms"] = now_ms
        live = replace(self.live, **changes)  # type: ignore[arg-type]
        trouble = self._connection.trouble(live, self.process, now_ms)
        self.live = replace(live, trouble=trouble)
        if not self.view.frozen:
            self.view = self.live
        else:
            newest = self.live.results[0].cycle_id if self.live.results else 0
            shown = self.view.results[0].cycle_id if self.view.results else 0
            self.view = replace(self.view, behind=newest - shown, trouble=trouble)
        self._publish(self.view)
