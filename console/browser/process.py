"""The reading process from the outside: calls to it, its reports, its end."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from itertools import count
from typing import Any

from console.browser.errors import BrowseError
from console.kit.subprocesses import PYTHON, environment

# One answer, a row with a large cell, may be long.
LINE_LIMIT = 1 << 30
GRACE_SECONDS = 1.0
Report = Callable[[dict[str, Any]], None]


class ReadingProcess:
    """One process. Once it has ended, every call raises the same `BrowseError`."""

    def __init__(
        self, process: asyncio.subprocess.Process, report: Report, ended: Callable[[], None]
    ) -> None:
        self._process = process
        self._report, self._has_ended = report, ended
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ended: BrowseError | None = None
        self._reads = asyncio.create_task(self._read(), name="browse answers")

    @classmethod
    async def spawn(cls, report: Report, ended: Callable[[], None]) -> "ReadingProcess":
        """`report` is called with the state of views and the progress of scans, `ended` after the
        last report."""
        process = await asyncio.create_subprocess_exec(
            *PYTHON,
            "console.browser.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_LIMIT,
            # A ctrl-c in the terminal is for the screen.
            start_new_session=True,
            env=environment(MALLOC_ARENA_MAX="1"),
        )
        return cls(process, report, ended)

    @property
    def alive(self) -> bool:
        return self._ended is None

    async def call(self, do: str, **asked: Any) -> Any:
        """The answer to a request. To cancel the wait stops the work. Raises `BrowseError`."""
        if self._ended is not None:
            raise self._ended
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._send({"id": number, "do": do, **asked})
            return await answer
        except asyncio.CancelledError:
            self.send("forget", call=number)
            raise
        finally:
            self._waiting.pop(number, None)

    def send(self, do: str, **asked: Any) -> None:
        """Send a request without waiting for its answer."""
        self._send({"id": 0, "do": do, **asked})

    def kill(self, reason: BrowseError) -> None:
        """End the process whatever it does; `reason` is the answer to all requests."""
        self._end(reason)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """End the process, and return when it is gone."""
        self._end(BrowseError("the file was closed", "worker"))
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._reads

    def _send(self, asked: dict[str, Any]) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(json.dumps(asked).encode() + b"\n")

    async def _read(self) -> None:
        answers = self._process.stdout
        assert answers is not None  # noqa: S101 - a pipe
        try:
            while line := await answers.readline():
                self._take(json.loads(line))
        finally:
            self._end(BrowseError("the reading process ended: try again", "worker"))

    def _take(self, answer: dict[str, Any]) -> None:
        # At once and in this order: the next report of a scan must not be overtaken by an answer
        # that its caller takes up later.
        if "state" in answer:
            self._report(answer)
        waiting = self._waiting.get(answer.get("id", 0))
        if waiting is None or waiting.done():
            return
        if error := answer.get("error"):
            waiting.set_exception(BrowseError(error["message"], error["trouble"]))
        else:
            waiting.set_result(answer["result"])

    def _end(self, reason: BrowseError) -> None:
        if self._ended is None:
            self._ended = reason
            self._has_ended()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._ended)
