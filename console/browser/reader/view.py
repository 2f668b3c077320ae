"""The base of all views of rows: the scan that fills them, their count, the reason they end."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from console.browser.errors import BrowseError
from console.browser.reader.authorizer import Authorizer
from console.browser.reader.jobs import Answer, Job
from console.browser.reader.source import Connection, Source
from console.browser.reader.sql_builder import Columns
from console.browser.reader.wire import PageRows, Values, Wire

Report = Callable[["RowSet", Wire], None]


class RowSet(ABC):
    """Rows at positions from 0. `report` takes the progress of scans; `strict` says that values are
    of the declared types; `typed`, that an operator typed the statement; the scan may take
    `seconds`. `begun` is the version of the file when the scan began.

    Pages are read on one connection while a scan fills the view on another.
    """

    key_kind = "result"
    doing = "reading"
    strict = False
    typed = False
    seconds: float | None = None

    def __init__(self, number: int, source: Source, columns: Columns, report: Report) -> None:
        self.number = number
        self.source = source
        self.columns = columns
        self.stopped = ""
        self.build: Job | None = None
        self.begun: int | None = None
        self._seen: int | None = None
        self._report = report
        self._jobs: set[Job] = set()
        self._closed = threading.Event()

    @abstractmethod
    def fill(self, job: Job) -> None:
        """Scan for the rows of the view."""

    @abstractmethod
    def count(self) -> Wire: ...

    @abstractmethod
    def page(self, connection: Connection, start: int, limit: int) -> PageRows:
        """Rows from a position on. A negative start counts from the end."""

    @abstractmethod
    def row(self, connection: Connection, key: Values) -> Values | None: ...

    @abstractmethod
    def find_key(self, connection: Connection, text: str) -> int | None: ...

    @abstractmethod
    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        """The position, from `start` on, of a row that contains the text."""

    @abstractmethod
    def everything(self, job: Job) -> Iterator[Values]:
        """All rows in order."""

    @abstractmethod
    def refresh(self, connection: Connection, recount: bool) -> None:
        """Add appended rows where that is cheap; begin the scan anew with `recount`."""

    @abstractmethod
    def release(self) -> None:
        """Delete the temporary files."""

    @property
    def building(self) -> bool:
        return self.build is not None and self.build.running

    @property
    def outdated(self) -> bool:
        """Whether others have written and the rows are still as of the last scan."""
        return False

    def state(self) -> Wire:
        return {
            "count": self.count(),
            "stopped": self.stopped,
            "settled": not self.building,
            "outdated": self.outdated,
            "decimal": [column.decimal for column in self.columns],
        }

    def look(self, connection: Connection) -> None:
        """Read the file's version, which changes when others have written."""
        self._seen = connection.version()

    def changed_since(self, version: int | None) -> bool:
        return self._seen != version

    def explained(self, error: Exception, authorizer: Authorizer | None = None) -> BrowseError:
        """The meaning of an error. In a statement that nobody typed, each column was there once."""
        if not self.typed and str(error).startswith(("no such column", "no such index")):
            return BrowseError("the table's columns have changed: f5 reads it anew", "gone")
        return self.source.explained(error, authorizer)

    def rebuild(
        self, connection: Connection, answer: Answer = lambda _: None, call: int | None = None
    ) -> None:
        """Begin the scan, anew if there was one; `call` is the request that waits for `answer`."""
        self.look(connection)
        self.begun = self._seen
        previous = self.build
        if previous is not None:
            previous.cancel()
        self.stopped = ""

        def fill(job: Job) -> None:
            while previous is not None and not previous.over.wait(0.05):
                job.check()
            self.fill(job)

        self._begin(Job(self, self.doing, fill, answer, self.seconds, call))

    def extend(self, work: Callable[[Job], None]) -> None:
        """Begin a scan that adds rows to those of the last one."""
        self._begin(Job(self, self.doing, work))

    def run(self, doing: str, work: Callable[[Job], None], answer: Answer, call: int) -> None:
        """Start another scan of these rows, for a request."""
        self._start(Job(self, doing, work, answer, call=call))

    def wait_whole(self, job: Job, partial: bool) -> None:
        """Wait for all rows; raises `BrowseError` if a scan ended early, unless `partial`."""
        self.wait_built(job)
        if self.stopped and not partial:
            raise BrowseError(f"these are not all rows: {self.stopped}", "stopped")

    def wait_built(self, job: Job) -> None:
        """Wait for the scan that fills the view."""
        while self.build is not None and self.build.running:
            job.check()
            self.build.over.wait(0.05)

    def cancel(self, call: int | None = None) -> None:
        """Stop all scans, or the scan that a request waits for."""
        for job in list(self._jobs):
            if call is None or job.call == call:
                job.cancel()

    def close(self) -> None:
        self._closed.set()
        self.cancel()
        self.release()

    def ended(self, job: Job, problem: BrowseError | None) -> None:
        self._jobs.discard(job)
        if job is self.build and problem is not None:
            self.not_whole(problem)

    def report(self, progress: Wire) -> None:
        if not self._closed.is_set():
            self._report(self, progress)

    def not_whole(self, problem: BrowseError) -> None:
        """The scan ended before it had filled the view."""
        self.stopped = str(problem)

    def _begin(self, build: Job) -> None:
        # Set before it starts: it may be over at once.
        self.build = build
        self._start(build)

    def _start(self, job: Job) -> None:
        self._jobs.add(job)
        job.start()

    def _count(self, value: int, whole: bool, estimate: int | None = None) -> Wire:
        """A count as the screen gets it."""
        state = "exact" if whole else "counting" if self.building else "at_least"
        return {"value": value, "state": state, "estimate": value if whole else estimate}


def window(start: int, limit: int) -> tuple[int, int]:
    """The distance of a page from its end of the view, and its number of rows."""
    if start >= 0:
        return start, limit
    size = min(limit, -start)
    return -start - size, size
