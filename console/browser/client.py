"""A file for the screen: `Browser` is one file, `Rows` one view of its rows."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

from console.browser import completion, wire_decode
from console.browser.model import (
    QUERIES,
    TABLES,
    BrowseError,
    ColumnInfo,
    Condition,
    Count,
    ExportForm,
    Key,
    Limits,
    Page,
    Progress,
    Row,
    SortTerm,
    TableInfo,
)
from console.browser.process import ReadingProcess
from console.browser.reader.wire import key_parts
from engine import LeaseHeld, LeftoverLog, check_log, check_name

__all__ = ["QUERIES", "TABLES", "BrowseError", "Browser", "Rows"]

# A process is asked to end a query; when it has not after this long, it is in one long call.
GRACE_SECONDS = 0.5


def _check_ledger(path: Path) -> None:
    """Raises `BrowseError` where what is read of a ledger would be of two states."""
    try:
        check_name(path)
        check_log(path, only_ledgers=True)
    except (LeaseHeld, LeftoverLog) as error:
        raise BrowseError(str(error), "corrupt") from error


class Browser:
    """One file, read by a process of its own. A process that died is started again by the next
    call; calls that were waiting for it raise `BrowseError`."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self._identity: list[int] | None = None
        self._process: ReadingProcess | None = None
        self._views: dict[int, Rows] = {}
        self._numbers = count(1)
        self._starting = asyncio.Lock()
        self._closed = False
        self._words: tuple[int, completion.Words] | None = None

    @classmethod
    async def start(cls, path: Path, limits: Limits | None = None) -> "Browser":
        """Open a file. Raises `BrowseError` when it is missing, locked, unreadable or no database.

        `limits` is `TABLES` unless given; a query pane passes `QUERIES`.
        """
        browser = cls(path, limits or TABLES)
        try:
            await browser._running()
        except BaseException:
            await browser.close()
            raise
        return browser

    async def tables(self) -> tuple[TableInfo, ...]:
        """Tables and views by name."""
        return tuple(map(wire_decode.table, await self._call("tables")))

    async def rows(
        self,
        table: str,
        order: tuple[SortTerm, ...] = (),
        where: tuple[Condition, ...] = (),
        search: str = "",
    ) -> "Rows":
        """A view of one table, which opens at once, however long it takes to fill. Close it after.

        All conditions hold, and some column contains `search`.
        """
        rows = Rows(self, "view", {"table": table, **_asked(order, where, search)})
        await rows._ready()
        return rows

    async def query(
        self,
        sql: str,
        order: tuple[SortTerm, ...] = (),
        where: tuple[Condition, ...] = (),
        search: str = "",
    ) -> "Rows":
        """The result of one reading statement; returns with its first rows.

        Cancel the awaiting task to stop it before. Raises `BrowseError`: `wrong` for what SQLite
        says, `refused` for what would write, `stopped` at a limit. Order, conditions and search
        apply to the statement's result, and only to a SELECT.
        """
        rows = Rows(self, "query", {"sql": sql, **_asked(order, where, search)})
        await rows._ready()
        return rows

    async def complete(self, text: str, cursor: int) -> tuple[str, ...]:
        """Words that could stand at `cursor`, in place of the one begun there
        (`completion.begun`)."""
        version = await self.data_version()
        if self._words is None or self._words[0] != version:
            functions = tuple(await self._call("functions"))
            self._words = version, completion.Words(await self.tables(), functions)
        return self._words[1].at(text, cursor)

    async def data_version(self) -> int:
        """A number that changes when another connection has committed."""
        (version,) = await self._call("version")
        return int(version)

    async def reopen(self) -> None:
        """Open the file that the path leads to now, after it was replaced. Open rows follow."""
        process, self._process = self._process, None
        self._identity, self._words = None, None
        if process is not None:
            await process.close()
        await self._running()

    async def close(self) -> None:
        """End the process, and with it all rows."""
        self._closed = True
        async with self._starting:
            process, self._process = self._process, None
        if process is not None:
            await process.close()

    async def _call(self, do: str, **asked: Any) -> Any:
        return await (await self._running()).call(do, **asked)

    async def _running(self) -> ReadingProcess:
        """The process, started again if it has ended."""
        async with self._starting:
            if self._closed:
                raise BrowseError(f"{self.path} was closed", "worker")
            if self._process is None or not self._process.alive:
                await self._start()
            assert self._process is not None  # noqa: S101 - just started
            return self._process

    async def _start(self) -> None:
        if self._process is not None:
            await self._process.close()
        if self._has_log():
            await asyncio.to_thread(_check_ledger, self.path)
        else:
            _check_ledger(self.path)
        self._process = await ReadingProcess.spawn(self._take_report, self._lost)
        try:
            opened = await self._process.call(
                "open",
                path=str(self.path.absolute()),
                identity=self._identity,
                limits=asdict(self.limits),
            )
        except BaseException:
            await self._process.close()
            self._process = None
            raise
        self._identity = opened["identity"]

    def _has_log(self) -> bool:
        own = os.path.realpath(self.path)
        return any(os.path.lexists(f"{own}{ending}") for ending in ("-wal", "-journal"))

    def _lost(self) -> None:
        """The process is gone, and with it its views."""
        views, self._views = self._views, {}
        for rows in views.values():
            rows._lost()

    def _take_report(self, report: dict[str, Any]) -> None:
        rows = self._views.get(report["view"])
        if rows is not None:
            rows._take(report)


class Rows:
    """Rows in a chosen order, each at a position from 0; read a page at a time.

    `count` grows while a scan runs; `on_progress` is called, on the event loop, whenever it or the
    scan moved. `stopped` says why rows may be missing (a limit, Esc, an error), else it is "".
    `outdated` says that others have written since the scan: the rows and their count are as of
    then, until `refresh(recount=True)`. The rows of a whole table are never outdated.
    """

    def __init__(self, browser: Browser, do: str, asked: dict[str, Any]) -> None:
        self.columns: tuple[ColumnInfo, ...] = ()
        self.count = Count(0, "counting")
        self.progress: Progress | None = None
        self.stopped = ""
        self.outdated = False
        self.on_progress: Callable[[Progress], None] | None = None
        self._browser, self._do, self._asked = browser, do, asked
        self._process: ReadingProcess | None = None
        self._view = 0
        self._decimals: list[bool] = []
        self._opening = asyncio.Lock()
        self._settled = asyncio.Event()
        self._on_export: Callable[[Progress], None] | None = None
        self._overdue: asyncio.TimerHandle | None = None

    async def page(self, start: int, limit: int) -> Page:
        """Rows [start, start + limit), fewer where they end or where a scan has not come yet.

        A negative start counts from the end: `page(-50, 50)` is the last 50 rows, there at once
        even while their positions are still being counted. `Page.start` is where the rows are.
        Texts are cut to 2,000 characters.
        """
        sent = await self._call("page", start=start, limit=limit)
        kind = sent["kind"]
        rows = tuple(wire_decode.row(kind, row) for row in sent["rows"])
        return Page(sent["start"], rows, sent["exact"])

    async def row(self, key: Key) -> Row:
        """One row with whole cells (up to 16 Mi characters in all). Raises `BrowseError` `gone`."""
        cells = await self._call("row", key=key_parts(key.parts))
        return Row(key, tuple(map(wire_decode.cell, cells)))

    async def find_key(self, text: str) -> int | None:
        """The position of the row with this primary key (values separated by commas) or rowid."""
        position: int | None = await self._call("find_key", text=text)
        return position

    async def find_next(self, text: str, start: int, backwards: bool = False) -> int | None:
        """The position, from `start` on (itself included), of a row that contains `text` in any
        column. Progress goes to `on_progress`; `cancel` stops it: `BrowseError` `stopped`."""
        position: int | None = await self._call("find", text=text, start=start, backwards=backwards)
        return position

    async def refresh(self, recount: bool = False) -> None:
        """Look for appended rows, cheaply; with `recount`, begin the whole count or scan anew.

        Call it after others have written, and again as long as the count is `at_least` with nothing
        in `stopped`: a large table is not counted anew each time. The rows of a sort, a view and a
        query stay as they are, and become `outdated`, until they are begun anew.
        """
        process = await self._ready()
        if recount:
            self._begin_clock(process)
        await process.call("refresh", view=self._view, recount=recount)

    async def settled(self) -> None:
        """Return when no count, scan or sort of these rows is running any more."""
        await self._settled.wait()

    async def export(
        self,
        form: ExportForm,
        target: Path,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        overwrite: bool = False,
        partial: bool = False,
    ) -> int:
        """Write all rows, in order, to a new file that appears when it is whole; their number.

        Waits for a running scan. Raises `BrowseError`: `exists` unless `overwrite`; `stopped` for a
        result that is not whole, unless `partial`; `optional` where Parquet is not installed.
        """
        if not target.name:
            raise BrowseError("a file name is needed")
        part = target.with_name(f".{os.getpid()}-{id(self):x}.part")
        self._on_export = on_progress
        try:
            written: int = await self._call(
                "export",
                form=form,
                target=str(target.absolute()),
                part=str(part.absolute()),
                overwrite=overwrite,
                partial=partial,
            )
            return written
        finally:
            self._on_export = None
            # In case the process died over it.
            with contextlib.suppress(OSError):
                part.unlink()

    async def cancel(self) -> None:
        """Stop this view's count, scan, sort, search and export; rows already there stay."""
        if self._process is not None and self._process.alive:
            await self._process.call("cancel", view=self._view)

    async def close(self) -> None:
        """Close the view and delete its temporary files."""
        self._in_time()
        process, self._process = self._process, None
        self._browser._views.pop(self._view, None)
        if process is not None and process.alive:
            await process.call("close", view=self._view)

    async def _call(self, do: str, **asked: Any) -> Any:
        process = await self._ready()
        return await process.call(do, view=self._view, **asked)

    async def _ready(self) -> ReadingProcess:
        """The process that has this view, which a new process opens again."""
        process = await self._browser._running()
        async with self._opening:
            if process is not self._process:
                await self._open(process)
        return process

    async def _open(self, process: ReadingProcess) -> None:
        if self._do == "query" and self._view:
            if self.stopped:
                raise BrowseError(self.stopped, "stopped")
            raise BrowseError("this result is gone: run the query again", "gone")
        self._view = next(self._browser._numbers)
        self._browser._views[self._view] = self
        self._begin_clock(process)
        try:
            columns = await process.call(self._do, view=self._view, **self._asked)
        except BaseException:
            self._in_time()
            self._browser._views.pop(self._view, None)
            process.send("close", view=self._view)
            raise
        self._process = process
        self.columns = wire_decode.columns(columns)
        self._mark_decimals()

    def _take(self, report: dict[str, Any]) -> None:
        self._state(report["state"])
        if "progress" not in report:
            return
        progress = Progress(**report["progress"])
        if progress.doing == "exporting":
            listener = self._on_export
        else:
            self.progress = progress
            listener = self.on_progress
        if listener is not None:
            # Not from here: an error of the listener must not end the reader.
            asyncio.get_running_loop().call_soon(listener, progress)

    def _state(self, state: dict[str, Any]) -> None:
        self.count = Count(**state["count"])
        self.stopped = state["stopped"]
        self.outdated = state["outdated"]
        if state["decimal"] != self._decimals:
            self._decimals = state["decimal"]
            self._mark_decimals()
        if state["settled"]:
            self._in_time()
            self._settled.set()
        else:
            self._settled.clear()

    def _mark_decimals(self) -> None:
        # Either may come before the other.
        if len(self._decimals) == len(self.columns):
            pairs = zip(self.columns, self._decimals, strict=True)
            self.columns = tuple(replace(column, decimal=decimal) for column, decimal in pairs)

    def _lost(self) -> None:
        self._in_time()
        self.count = replace(self.count, state="at_least")
        self._settled.set()

    def _begin_clock(self, process: ReadingProcess) -> None:
        """A typed query is ended from here if the process does not end it itself."""
        seconds = self._browser.limits.seconds
        if self._do == "query" and seconds is not None:
            self._in_time()
            loop = asyncio.get_running_loop()
            self._overdue = loop.call_later(seconds + GRACE_SECONDS, self._kill, process, seconds)

    def _kill(self, process: ReadingProcess, seconds: float) -> None:
        self.stopped = f"stopped after {seconds:g} s"
        process.kill(BrowseError(self.stopped, "stopped"))

    def _in_time(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None


def _asked(
    order: tuple[SortTerm, ...], where: tuple[Condition, ...], search: str
) -> dict[str, Any]:
    return {
        "order": [[term.column, term.descending] for term in order],
        "where": [[part.column, part.operator, part.operand] for part in where],
        "search": search,
    }
