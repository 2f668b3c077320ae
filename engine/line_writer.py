"""Lines to a standard stream, written by a thread of their own.

A reader that is slow or has stopped, one that has left, a full disk: none holds up who writes.
(The standard library's QueueListener waits for its thread without a bound, and so does its exit.)
"""

import os
import select
import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import TextIO

# Some minutes of a busy log.
ROOM = 2_000


class LineWriter:
    """A bounded queue of lines to a stream. A line without room, or refused by the system, is lost
    and counted.

    Both are called on the writing thread: `failing` with the error that begins a row of them,
    `recovered` with how many lines were lost, once others can be written again.
    """

    def __init__(
        self,
        stream: TextIO,
        failing: Callable[[Exception], object],
        recovered: Callable[[int], object] = lambda lost: None,
    ) -> None:
        self.stream = stream
        self.lost = 0
        self.error: Exception | None = None
        self._failing = failing
        self._recovered = recovered
        self._queue: Queue[str | None] = Queue(ROOM)
        self._counting = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> None:
        """Text of whole lines; it is written at once, but not waited for."""
        try:
            self._queue.put_nowait(text)
        except Full:
            self._lose()
        with self._counting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._write_all, daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Nothing is held back: `drain` is what waits."""

    def drain(self, seconds: float | None) -> bool:
        """Wait until every line is written or lost, for so long at most."""
        done = self._queue.all_tasks_done
        with done:
            return done.wait_for(lambda: not self._queue.unfinished_tasks, seconds)

    def close(self, seconds: float) -> None:
        """Wait like `drain`, and end the thread where nothing is left. Nobody writes after it."""
        if self.drain(seconds) and self._thread is not None:
            self._queue.put_nowait(None)

    def _write_all(self) -> None:
        while (text := self._queue.get()) is not None:
            try:
                self._write(text)
            except (OSError, ValueError) as error:  # ValueError: the stream is closed.
                self._fail(error)
            else:
                self._succeed()
            finally:
                self._queue.task_done()
        self._queue.task_done()

    def _write(self, text: str) -> None:
        """By its descriptor: a lock of the stream, held by a write that waits, would be asked for
        by the interpreter's exit."""
        stream = self.stream
        try:
            file = stream.fileno()
        except (OSError, ValueError):
            stream.write(text)  # It is in memory.
            return
        rest = text.encode(stream.encoding or "utf-8", stream.errors or "backslashreplace")
        while rest:
            try:
                rest = rest[os.write(file, rest) :]
            except BlockingIOError:  # Whoever shares the terminal may have made it so.
                select.select([], [file], [])

    def _fail(self, error: Exception) -> None:
        self._lose()
        before, self.error = self.error, error
        if before is None:
            self._failing(error)

    def _succeed(self) -> None:
        self.error = None
        if self.lost and self._queue.empty():
            with self._counting:
                lost, self.lost = self.lost, 0
            self._recovered(lost)

    def _lose(self) -> None:
        with self._counting:
            self.lost += 1
