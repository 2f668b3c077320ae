"""Scans: each on a thread and a connection of its own, with reports of its progress."""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from console.browser.errors import BrowseError
from console.browser.reader.authorizer import Authorizer
from console.browser.reader.source import SCAN_CACHE_KIB, Connection, Source
from console.browser.reader.spool import free_bytes
from console.browser.reader.wire import Wire

REPORT_SECONDS = 0.1
DISK_SECONDS = 0.5
SPARE_BYTES = 256 * 1024 * 1024

Answer = Callable[[BrowseError | None], None]


class Owner(Protocol):
    """The rows that a scan is for."""

    source: Source

    def explained(self, error: Exception, authorizer: Authorizer | None) -> BrowseError:
        """The meaning of an error of the scan."""

    def report(self, progress: Wire) -> None:
        """Pass on the progress of the scan."""

    def ended(self, job: "Job", problem: BrowseError | None) -> None:
        """The scan is over, by a problem or without one."""


class Job:
    """One scan: `work` runs with this job on a new thread. `call` is the request that waits for the
    scan, and `answer` is called last of all."""

    def __init__(
        self,
        owner: Owner,
        doing: str,
        work: Callable[["Job"], None],
        answer: Answer = lambda _: None,
        seconds: float | None = None,
        call: int | None = None,
    ) -> None:
        self.doing = doing
        self.call = call
        self.scanned = 0
        self.matches = 0
        self.share: float | None = None
        self.over = threading.Event()
        self._owner, self._work, self._answer = owner, work, answer
        self._seconds = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._reason = ""
        self._next_report = 0.0
        self._next_disk_check = 0.0
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise BrowseError("this scan is over", "stopped")
        return self._connection

    @property
    def running(self) -> bool:
        return not self.over.is_set()

    def start(self) -> None:
        threading.Thread(target=self._run, name=self.doing, daemon=True).start()

    def cancel(self) -> None:
        """Returns at once; the thread ends when SQLite lets it."""
        if not self._reason:
            self._reason = "stopped"
            threading.Thread(target=self._interrupt, name="interrupt", daemon=True).start()

    def check(self) -> None:
        """Raises `BrowseError` when the scan should end. Called between its statements."""
        if self._should_end():
            raise BrowseError(self._reason, "stopped")

    def moved(self, scanned: int, matches: int, share: float | None = None) -> None:
        """Report the progress of the scan, a few times a second."""
        self.scanned, self.matches, self.share = scanned, matches, share
        self.check()
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            self._owner.report(self.progress())

    def progress(self, error: str = "") -> Wire:
        return {
            "doing": self.doing,
            "scanned": self.scanned,
            "matches": self.matches,
            "share": self.share,
            "done": not self.running,
            "error": error,
        }

    def _run(self) -> None:
        _step_back()
        problem = self._outcome()
        # Before anybody who waits for the end goes on.
        self._owner.ended(self, problem)
        self.over.set()
        self._owner.report(self.progress(str(problem) if problem else ""))
        self._answer(problem)

    def _outcome(self) -> BrowseError | None:
        authorizer = None
        try:
            self._connection = self._owner.source.connect(SCAN_CACHE_KIB)
            authorizer = self._connection.authorizer
            self._connection.limit(self._should_end)
            self.check()
            self._work(self)
        except Exception as error:  # noqa: BLE001 - the answer to whoever waits for this scan
            if self._reason:
                return BrowseError(self._reason, "stopped")
            return self._owner.explained(error, authorizer)
        finally:
            if self._connection is not None:
                self._connection.close()
        return None

    def _interrupt(self) -> None:
        """Interrupt again and again: SQLite forgets an interrupt between two statements."""
        while not self.over.is_set():
            connection = self._connection
            if connection is not None:
                connection.interrupt()
            self.over.wait(0.02)

    def _should_end(self) -> bool:
        """Whether the scan should end. SQLite calls this thousands of times a second."""
        if self._reason:
            return True
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            self._reason = f"stopped after {self._seconds:g} s"
        elif now >= self._next_disk_check:
            self._next_disk_check = now + DISK_SECONDS
            if free_bytes() < SPARE_BYTES:
                self._reason = "stopped: too little disk space is left for temporary files"
        return bool(self._reason)


def _step_back() -> None:
    """Let the engine, the screen and pages go before a scan."""
    if sys.platform == "linux":
        # On Linux the priority is the thread's own; elsewhere it is the process's.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
