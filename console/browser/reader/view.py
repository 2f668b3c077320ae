"""What all views of rows share: a scan that fills them, how many rows they have, why they end."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from console.browser.errors import BrowseError
from console.browser.reader.authorizer import Permits
from console.browser.reader.jobs import Answer, Job, no_answer
from console.browser.reader.source import Connection, Source
from console.browser.reader.wire import Cells, Values, Wire

Keyed = tuple[Values, Cells | None]
Tell = Callable[["RowSet", Wire], None]


class RowSet(ABC):
    """Rows at positions from 0. `tell` takes a progress report; `columns` is what the screen gets;
    `strict` says that their values are of the declared types; `typed`, that their statement was;
    the scan may take `seconds`. `begun` is the version of the file when the scan began.

    Pages are read on one connection while a scan fills the view on another.
    """

    key_kind = "result"
    doing = "reading"
    strict = False
    typed = False
    seconds: float | None = None

    def __init__(self, number: int, source: Source, columns: list[Wire], tell: Tell) -> None:
        self.number = number
        self.source = source
        self.columns = columns
        self.stopped = ""
        self.build: Job | None = None
        self.begun: int | None = None
        self._seen: int | None = None
        self._tell = tell
        self._jobs: set[Job] = set()
        self._closed = threading.Event()

    @abstractmethod
    def fill(self, job: Job) -> None:
        """The scan that finds out what rows there are."""

    @abstractmethod
    def count(self) -> Wire: ...

    @abstractmethod
    def page(self, connection: Connection, start: int, limit: int) -> tuple[int, list[Keyed], bool]:
        """Where the page begins, its keys and cells (None for a row deleted meanwhile), and whether
        exactly there. A negative start counts from the end."""

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
        """Take in appended rows where that is cheap; begin the scan anew with `recount`."""

    @abstractmethod
    def release(self) -> None:
        """Give up what is on disk."""

    @property
    def building(self) -> bool:
        return self.build is not None and self.build.running

    @property
    def outdated(self) -> bool:
        """Whether only another scan would tell which rows there are now."""
        return False

    def state(self) -> Wire:
        return {
            "count": self.count(),
            "stopped": self.stopped,
            "settled": not self.building,
            "outdated": self.outdated,
            "decimal": [column.get("decimal", False) for column in self.columns],
        }

    def look(self, connection: Connection) -> None:
        """See whether others have written."""
        self._seen = connection.version()

    def changed_since(self, version: int | None) -> bool:
        return self._seen != version

    def explained(self, error: Exception, permits: Permits | None = None) -> BrowseError:
        """What an error means. In a statement that nobody typed, all columns were there once."""
        if not self.typed and str(error).startswith(("no such column", "no such index")):
            return BrowseError("the table's columns have changed: f5 reads it anew", "gone")
        return self.source.explained(error, permits)

    def rebuild(
        self, connection: Connection, answer: Answer = no_answer, call: int | None = None
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
        """Begin a scan that adds to what the last one found."""
        self._begin(Job(self, self.doing, work))

    def run(self, doing: str, work: Callable[[Job], None], answer: Answer, call: int) -> None:
        """Start another scan of these rows, for a request."""
        self._start(Job(self, doing, work, answer, call=call))

    def wait_whole(self, job: Job, partial: bool) -> None:
        """Until all rows are known; raises `BrowseError` if they will not be, unless `partial`."""
        self.wait_built(job)
        if self.stopped and not partial:
            raise BrowseError(f"these are not all rows: {self.stopped}", "stopped")

    def wait_built(self, job: Job) -> None:
        """Until the view is filled, or will not be."""
        while self.build is not None and self.build.running:
            job.check()
            self.build.over.wait(0.05)

    def cancel(self, call: int | None = None) -> None:
        """Stop all scans, or the one that a request waits for."""
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

    def told(self, progress: Wire) -> None:
        if not self._closed.is_set():
            self._tell(self, progress)

    def not_whole(self, problem: BrowseError) -> None:
        """The scan ended before it had filled the view."""
        self.stopped = str(problem)

    def _begin(self, build: Job) -> None:
        # Known before it starts: it may be over at once.
        self.build = build
        self._start(build)

    def _start(self, job: Job) -> None:
        self._jobs.add(job)
        job.start()


def counted(value: int, building: bool, whole: bool, estimate: int | None = None) -> Wire:
    """A count as the screen gets it."""
    state = "exact" if whole else "counting" if building else "at_least"
    return {"value": value, "state": state, "estimate": value if whole else estimate}


def window(start: int, limit: int) -> tuple[int, int]:
    """How far from its end of the view a page lies, and how many rows it has."""
    if start >= 0:
        return start, limit
    size = min(limit, -start)
    return -start - size, size
