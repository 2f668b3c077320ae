"""The reading process: takes requests as lines of JSON on its input, answers on its output.

The process imports no more than it needs: a table is on the screen a tenth of a second after the
request. It ends at once when its input does.
"""

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from console.browser.errors import BrowseError
from console.browser.reader import export, sandbox
from console.browser.reader.authorizer import FORBIDDEN_FUNCTIONS
from console.browser.reader.catalogue import Catalogue
from console.browser.reader.jobs import Job
from console.browser.reader.planner import Planner
from console.browser.reader.result_view import Limit
from console.browser.reader.source import Connection, Identity, Source
from console.browser.reader.view import RowSet
from console.browser.reader.wire import Values, Wire, key_parts, key_values, whole_cells

# Threads that wait for SQLite take turns with threads that answer pages.
SWITCH_SECONDS = 0.0005


class Later(Exception):
    """A scan was started, which answers the request itself."""


class Worker:
    """Requests come in on the main thread, which answers those that must not wait; pages are read
    by one thread, in turn; scans have threads of their own."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._one_at_a_time = threading.Lock()
        self._requests: queue.SimpleQueue[Wire] = queue.SimpleQueue()
        self._forgotten: set[int] = set()
        self._reading: int | None = None
        self._reading_changes = threading.Lock()
        self._views: dict[int, RowSet] = {}
        self._limits: Wire = {}
        self._source: Source | None = None
        self._connection: Connection | None = None
        self._parts: set[Path] = set()
        self._does: dict[str, Callable[[Wire], Any]] = {
            "open": self._open,
            "tables": lambda _: Catalogue(self.connection).tables(),
            "functions": lambda _: self._functions(),
            "version": lambda _: self.connection.first("PRAGMA data_version"),
            "view": self._view,
            "query": self._query,
            "page": self._page,
            "row": self._row,
            "find_key": lambda asked: self._of(asked).find_key(self.connection, asked["text"]),
            "find": self._find,
            "refresh": self._refresh,
            "export": self._export,
        }

    @property
    def source(self) -> Source:
        if self._source is None:
            raise BrowseError("no file is open", "worker")
        return self._source

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise BrowseError("no file is open", "worker")
        return self._connection

    def serve(self, requests: BinaryIO) -> None:
        """Answer requests until the input ends."""
        threading.Thread(target=self._read_on, name="pages", daemon=True).start()
        for line in requests:
            asked = json.loads(line)
            if asked["do"] == "cancel":
                self._at_once(asked, RowSet.cancel)
            elif asked["do"] == "close":
                self._at_once(asked, RowSet.close)
                self._views.pop(asked["view"], None)
            elif asked["do"] == "forget":
                self._forget(asked["call"])
            else:
                self._requests.put(asked)
        for part in list(self._parts):
            part.unlink(missing_ok=True)

    def _at_once(self, asked: Wire, action: Callable[[RowSet], None]) -> None:
        view = self._views.get(asked["view"])
        if view is not None:
            action(view)
        self._say({"id": asked["id"], "result": None}, view)

    def _forget(self, call: int) -> None:
        """Stop the work on a request that nobody waits for any more."""
        with self._reading_changes:
            self._forgotten.add(call)
            if self._reading == call and self._connection is not None:
                self._connection.interrupt()
        for view in list(self._views.values()):
            view.cancel(call)

    def _read_on(self) -> None:
        while True:
            asked = self._requests.get()
            with self._reading_changes:
                self._reading = asked["id"]
            if asked["id"] not in self._forgotten:
                self._answer(asked)
            with self._reading_changes:
                self._reading = None
                self._forgotten = {call for call in self._forgotten if call > asked["id"]}

    def _answer(self, asked: Wire) -> None:
        try:
            if self._source is not None:
                self._source.check()
            result = self._does[asked["do"]](asked)
        except Later:
            return
        except Exception as error:  # noqa: BLE001 - every error is the answer to its request
            self._refuse(asked["id"], error, self._views.get(asked.get("view", 0)))
        else:
            self._say({"id": asked["id"], "result": result}, self._views.get(asked.get("view", 0)))

    def _refuse(self, call: int, error: Exception, view: RowSet | None = None) -> None:
        self._say({"id": call, "error": self._problem(error, view)})

    def _problem(self, error: Exception, view: RowSet | None) -> Wire:
        authorizer = self._connection.authorizer if self._connection is not None else None
        explains = view or self._source
        problem = explains.explained(error, authorizer) if explains is not None else error
        message = str(problem) or type(problem).__name__
        trouble = problem.trouble if isinstance(problem, BrowseError) else "worker"
        return {"message": message, "trouble": trouble}

    def _say(self, answer: Wire, view: RowSet | None = None) -> None:
        """Send an answer, or the report of a scan, with the state of the view."""
        line = _line(answer)
        with self._one_at_a_time:
            if view is not None:
                # Read here, so that the last state that is sent is the true one.
                try:
                    state = _line({"view": view.number, "state": view.state()})
                except Exception as error:  # noqa: BLE001 - no thread may end with it
                    line = _line({"id": answer.get("id", 0), "error": self._problem(error, view)})
                else:
                    line = line[:-1] + b"," + state[1:]
            try:
                self._answers.write(line + b"\n")
                self._answers.flush()
            except OSError:
                os._exit(0)

    def _open(self, asked: Wire) -> Wire:
        self._limits = asked["limits"]
        sandbox.confine(self._limits["memory_mib"], self._limits["spool_mib"])
        identity = Identity(*asked["identity"]) if asked["identity"] else None
        source = Source(asked["path"], identity, self._limits["cell_mib"])
        self._connection = source.connect()
        self._source = source
        return {"identity": list(source.identity)}

    def _functions(self) -> list[str]:
        rows = self.connection.rows("SELECT DISTINCT name FROM pragma_function_list ORDER BY name")
        names = [str(name) for (name,) in rows]
        return [name for name in names if name.isidentifier() and name not in FORBIDDEN_FUNCTIONS]

    def _planner(self) -> Planner:
        limit = Limit(self._limits["rows"], self._limits["spool_mib"])
        return Planner(self.source, limit, self._report)

    def _view(self, asked: Wire) -> list[Wire]:
        view = self._planner().table_view(self.connection, asked)
        self._views[view.number] = view
        return [column.wire for column in view.columns]

    def _query(self, asked: Wire) -> None:
        waiting = [asked["id"]]

        def opened() -> None:
            if waiting:
                columns = [column.wire for column in view.columns]
                self._say({"id": waiting.pop(), "result": columns}, view)

        def answer(problem: BrowseError | None) -> None:
            if waiting and problem is not None:
                self._views.pop(view.number, None)
                self._refuse(waiting.pop(), problem)

        view = self._planner().query_view(asked, opened)
        self._views[view.number] = view
        view.seconds = self._limits["seconds"]
        view.rebuild(self.connection, answer, asked["id"])
        raise Later

    def _page(self, asked: Wire) -> Wire:
        view = self._of(asked)
        start, rows, exact = view.page(self.connection, asked["start"], asked["limit"])
        return {
            "start": start,
            "exact": exact,
            "kind": view.key_kind,
            "rows": [[key_parts(key), cells] for key, cells in rows],
        }

    def _row(self, asked: Wire) -> Any:
        row = self._of(asked).row(self.connection, key_values(asked["key"]))
        if row is None:
            raise BrowseError("this row was deleted, or no longer fits the filter", "gone")
        return whole_cells(row)

    def _find(self, asked: Wire) -> None:
        view = self._of(asked)
        self._scan(
            asked,
            "searching",
            lambda job: view.find(job, asked["text"], asked["start"], asked["backwards"]),
        )

    def _refresh(self, asked: Wire) -> None:
        self._of(asked).refresh(self.connection, asked["recount"])

    def _export(self, asked: Wire) -> None:
        view, target, part = self._of(asked), Path(asked["target"]), Path(asked["part"])
        if self.source.is_part(target):
            raise BrowseError(f"{target} is the database itself: choose another name", "exists")
        if target.exists() and not asked["overwrite"]:
            raise export.exists(target)

        def work(job: Job) -> int:
            view.wait_whole(job, asked["partial"])
            written = _Written(view, job)
            try:
                with sandbox.lifted(), self._part(part):
                    export.write(asked["form"], part, view.columns, written.rows, view.strict)
                    export.publish(part, target, asked["overwrite"])
            except OSError as error:
                raise BrowseError(f"{target}: {error.strerror or error}", "permission") from error
            return written.number

        self._scan(asked, "exporting", work)

    @contextlib.contextmanager
    def _part(self, part: Path) -> Iterator[None]:
        """The file of an export, which is gone at the end unless it got its name."""
        self._parts.add(part)
        try:
            yield
        finally:
            part.unlink(missing_ok=True)
            self._parts.discard(part)

    def _scan(self, asked: Wire, doing: str, work: Callable[[Job], Any]) -> None:
        """Answer with the result of `work`, from the scan's own thread."""
        results: list[Any] = []

        def answer(problem: BrowseError | None) -> None:
            if problem is None:
                self._say({"id": asked["id"], "result": results[0]})
            else:
                self._refuse(asked["id"], problem)

        self._of(asked).run(doing, lambda job: results.append(work(job)), answer, asked["id"])
        raise Later

    def _of(self, asked: Wire) -> RowSet:
        view = self._views.get(asked["view"])
        if view is None:
            raise BrowseError("these rows were closed", "gone")
        return view

    def _report(self, view: RowSet, progress: Wire) -> None:
        self._say({"progress": progress}, view)


class _Written:
    """The rows of a view as they are written, and their number."""

    def __init__(self, view: RowSet, job: Job) -> None:
        self.number = 0
        self._view, self._job = view, job

    def rows(self) -> Iterator[Values]:
        """All rows, from the first one again when they are read twice."""
        self.number = 0
        total = self._view.count()["value"]
        for row in self._view.everything(self._job):
            yield row
            self.number += 1
            if self.number % export.BATCH == 0:
                self._job.moved(self.number, self.number, min(1.0, self.number / max(1, total)))


def _line(message: Wire) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def main() -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    threading.stack_size(sandbox.STACK_BYTES)
    answers = os.fdopen(os.dup(1), "wb")
    # Other output must not stand between the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    Worker(answers).serve(sys.stdin.buffer)
    # Threads may be in the middle of a long statement: nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    main()
