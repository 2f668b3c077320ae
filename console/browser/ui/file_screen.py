"""A screen that shows rows of a file: opens it, opens it again after trouble, and looks whether
others have written."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

import platformdirs
from textual import work
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.worker import Worker

from console.browser.client import Rows
from console.browser.model import BrowseError
from console.browser.ui.cells import Times
from console.browser.ui.open_file import OpenFile
from console.browser.ui.queries import QueryHistory
from console.browser.ui.query_pane import QueryPane
from console.browser.ui.rows_pane import RowsPane
from console.browser.ui.rows_view import FATAL, RowsView
from console.browser.ui.table_list import TableList, sorted_tables
from console.browser.ui.table_query import Spot, TableQuery, Trail
from console.browser.ui.waiting import Waiting
from console.kit.base_screen import BaseScreen
from console.kit.formats import span
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, line

# How often the file is asked whether somebody has written to it.
_LOOK_SECONDS = 0.5
# From so many columns on, times are shown beside their raw values.
_WIDE = 110
# What one most likely came for.
_FIRST_TABLE = "ledger_events"
_RETRY: Line = line(("f5", Tone.LIVE), (" tries again", Tone.DIM))


class FileScreen(BaseScreen):
    """Rows of the app's file."""

    def __init__(self) -> None:
        super().__init__()
        history = QueryHistory(platformdirs.user_state_path("cycledeck") / "queries.jsonl")
        self.pane = RowsPane()
        self.query_pane = QueryPane(history, self._completions)
        self._list = TableList(id="tables", classes="panel")
        self._session: OpenFile | None = None
        self._rows: Rows | None = None
        self._trail = Trail()
        self._version = -1
        self._waiting: Waiting | None = None
        self._local = False

    def panels(self) -> Iterable[Widget]:
        right = Vertical(self.query_pane, self.pane, id="right")
        caption(self._list, "tables")
        yield Horizontal(self._list, right, id="browser")

    def on_mount(self) -> None:
        self.set_interval(_LOOK_SECONDS, self._tick)
        self._local = self.host.local_time
        if self.size.width >= _WIDE:
            self._show_times()
        self.pane.grid.focus()
        self._follow_file()

    async def on_unmount(self) -> None:
        self.workers.cancel_node(self)
        if self._session is not None:
            await self._session.close()

    def show(self) -> None:
        super().show()
        if self._local != self.host.local_time:
            self._local = self.host.local_time
            self._show_times()
        self._follow_file()

    def show_file(self, session: OpenFile) -> None:
        """Called when the file is about to be opened, and when its tables are known."""

    def _show_times(self) -> None:
        self.pane.set_times(Times.LOCAL if self._local else Times.UTC)

    # --- opening

    def _follow_file(self) -> None:
        path = self.host.db
        if path is None or (self._session is not None and self._session.path == path):
            return
        if self._session is not None:
            self._close(self._session)
        self._session = OpenFile(path)
        self._open_file()

    @work(exclusive=True, group="open")
    async def _open_file(self) -> None:
        session = self._session
        if session is None:
            return
        self.show_file(session)
        try:
            await session.start()
            self._version = await session.data_version()
        except BrowseError as trouble:
            self._in_trouble(trouble)
            return
        self._waiting = None
        self.show_file(session)
        if (query := self._first_query(session)) is None:
            self.pane.show_trouble("This database has no tables yet.", _RETRY)
            return
        self.pane.aim = query
        spot = self.pane.spot if query == self.pane.table_query else Spot()
        await self._show_query(query, spot)

    def _first_query(self, session: OpenFile) -> TableQuery | None:
        if self.pane.aim != TableQuery():
            return self.pane.aim
        names = [table.name for table in sorted_tables(session.tables) if not table.problem]
        if not names:
            return None
        return TableQuery(_FIRST_TABLE if _FIRST_TABLE in names else names[0])

    def _open(self, query: TableQuery, spot: Spot | None = None, *, back: bool = False) -> None:
        """Show other rows, and remember where one came from."""
        self.pane.aim = query
        spot = spot or Spot(column=self.pane.spot.column)
        self._go(query, spot, back=back)

    @work(exclusive=True, group="open")
    async def _go(self, query: TableQuery, spot: Spot, *, back: bool) -> None:
        left, rows = (self.pane.table_query, self.pane.spot), self.pane.paged
        await self._show_query(query, spot)
        if rows not in (None, self.pane.paged) and not back:
            self._trail.push(*left)

    async def _show_query(self, query: TableQuery, spot: Spot) -> None:
        session = self._session
        if session is None:
            return
        try:
            if query.sql:
                await self._run(session, query, spot)
            else:
                await self._replace_rows(query, await session.rows(query), spot)
        except BrowseError as trouble:
            self._not_opened(query, trouble)

    async def _run(self, session: OpenFile, query: TableQuery, spot: Spot) -> None:
        """A statement, which may take its time."""
        started = time.monotonic()
        self.query_pane.say(line(("running …", Tone.LIVE), ("  esc stops", Tone.FAINT)))
        try:
            rows = await session.rows(query)
        except asyncio.CancelledError:
            self.query_pane.say(line(("stopped", Tone.ATTENTION)))
            raise
        await self._replace_rows(query, rows, spot)
        took = span((time.monotonic() - started) * 1_000)
        to_rows = (" · esc goes to them", Tone.FAINT)
        self.query_pane.say(line(("first rows after ", Tone.DIM), took, to_rows))

    async def _replace_rows(self, query: TableQuery, rows: Rows, spot: Spot) -> None:
        """The old rows stay until the new ones are there; none is left open."""
        useless = rows
        try:
            await self.pane.show(query, rows, spot)
            useless, self._rows = self._rows or rows, rows
        finally:
            if useless is not self._rows:
                self._close(useless)
        self._named(query)

    def _named(self, query: TableQuery) -> None:
        if self._session is not None:
            self._list.show(self._session.tables, query.table)
        caption(self.pane, query.table or "result")
        self.query_pane.display = bool(query.sql) or self.query_pane.has_focus_within
        self.present()

    def _not_opened(self, query: TableQuery, trouble: BrowseError) -> None:
        """What was seen stays, where that says more."""
        if trouble.trouble in FATAL:
            self._in_trouble(trouble)
        elif query.sql:
            self.pane.aim = self.pane.table_query
            self.query_pane.say(line(("▲ ", Tone.ATTENTION), str(trouble)))
        elif self.pane.paged is not None and self.pane.table_query.table == query.table:
            self.pane.aim = self.pane.table_query
            self.pane.remark(line(("▲ ", Tone.ATTENTION), str(trouble)))
        else:
            self.pane.show_trouble(str(trouble), _RETRY)
            self._named(query)

    def _in_trouble(self, trouble: BrowseError) -> None:
        if self._session is not None:
            self._waiting = Waiting(self._session.path, trouble)
        self.pane.show_trouble(str(trouble), _RETRY)

    def on_rows_view_lost(self, event: RowsView.Lost) -> None:
        self._in_trouble(event.trouble)

    # --- looking again

    def _tick(self) -> None:
        if not self.is_active:
            return
        busy = self._workers_of("look") or self._workers_of("open")
        if not (busy or self.host.frozen or self._session is None):
            self._look(self._session)

    @work(group="look")
    async def _look(self, session: OpenFile) -> None:
        """Cheap, and nothing more unless somebody has written what is not counted yet."""
        if self._waiting is not None:
            if self._waiting.worth_a_try:
                self._open_file()
            return
        try:
            version = await session.data_version()
            if version != self._version or self.pane.uncounted:
                await self.pane.look_again()
            self._version = version
        except BrowseError as trouble:
            if trouble.trouble != "locked":
                self._in_trouble(trouble)
        self.pane.forget_fresh()

    def action_reload(self) -> None:
        """Everything anew: the list of tables, the rows, the count."""
        self._open_file()

    def action_stop(self) -> None:
        """What runs is stopped; else a pane that is not needed any more goes away."""
        if opening := self._workers_of("open"):
            opening[0].cancel()
            self.pane.aim = self.pane.table_query
        else:
            self._stop_rows()

    @work(group="stop")
    async def _stop_rows(self) -> None:
        if not await self.pane.stop():
            self.pane.grid.focus()
            self.query_pane.display = bool(self.pane.table_query.sql)

    def _workers_of(self, group: str) -> list[Worker[object]]:
        return [w for w in self.workers if (w.node, w.group) == (self, group) and w.is_running]

    async def _completions(self, text: str, cursor: int) -> tuple[str, ...]:
        return await self._session.complete(text, cursor) if self._session else ()

    @work(group="close")
    async def _close(self, closing: OpenFile | Rows) -> None:
        with suppress(BrowseError):
            await closing.close()
