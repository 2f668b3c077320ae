"""Tables: every table and view of a file, whole, whatever its size; and statements that read it."""

import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

import platformdirs
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker

from console.browse.client import Rows
from console.browse.model import BrowseError, Condition
from console.formats import count, size, span
from console.lines import Line, Tone, line
from console.screens.deck_screen import DeckScreen
from console.screens.export_dialog import ExportDialog
from console.screens.row_detail import RowDetail, as_json
from console.screens.table_picker import TablePicker
from console.styles import stylesheet
from console.tables.cells import Times
from console.tables.links import Link, cycle_of, links
from console.tables.places import Place, Spot, Trail
from console.tables.queries import QueryHistory
from console.tables.session import Session
from console.view import View
from console.widgets.data_grid import DataGrid
from console.widgets.grid import Grid
from console.widgets.key_line import KeyLine
from console.widgets.query_pane import QueryPane
from console.widgets.rows_pane import RowsPane
from console.widgets.rows_view import RowsView
from console.widgets.table_list import TableList, sorted_tables
from console.widgets.text_line import TextLine
from console.widgets.toned import caption

# How often the file is asked whether somebody has written to it.
_LOOK_SECONDS = 0.5
# From so many columns on, times are shown beside their raw values.
_WIDE = 110
# What one most likely came for.
_FIRST_TABLE = "ledger_events"
# What may be over by itself, and how long to wait for it.
_PASSING = frozenset({"locked", "worker"})
_RETRY_SECONDS = 2.0
_RETRY: Line = line(("f5", Tone.LIVE), (" tries again", Tone.DIM))


class TablesScreen(DeckScreen):
    """With a path: just that file, whatever it is. Without one: the ledger of the app."""

    CSS_PATH = stylesheet("tables")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "pick", "Table"),
        Binding("S", "query", "SQL"),
        Binding("e", "export", "Export"),
        Binding("backspace", "back", "Back", show=False),
        Binding("y", "copy", "Copy the cell", show=False),
        Binding("Y", "copy_row", "Copy the row as JSON", show=False),
        Binding("f5,ctrl+l", "reload", "Read again", show=False),
        Binding("escape", "stop", "Stop what is running", show=False),
    ]

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        history = QueryHistory(platformdirs.user_state_path("cycledeck") / "queries.jsonl")
        self.pane = RowsPane()
        self.query_pane = QueryPane(history, self._completions)
        self._list = TableList(id="tables", classes="panel")
        self._file_line = TextLine(id="file")
        self._path = path
        self._session: Session | None = None
        self._rows: Rows | None = None
        self._trail = Trail()
        self._pending: Place | None = None
        self._version = -1
        self._timer: Timer | None = None
        self._trouble: BrowseError | None = None
        self._trouble_since = 0.0
        self._found: tuple[int, ...] = ()
        self._frozen = False
        self._local = False

    # --- composition

    def compose(self) -> ComposeResult:
        if self._path is None:
            yield from super().compose()
            return
        yield self._file_line
        yield from self.panels()
        yield KeyLine()

    def panels(self) -> Iterable[Widget]:
        right = Vertical(self.query_pane, self.pane, id="right")
        yield Horizontal(self._list, right, id="browser")

    def on_mount(self) -> None:
        self._timer = self.set_interval(_LOOK_SECONDS, self._tick)
        self._local = self.deck_app.local_time
        if self.size.width >= _WIDE:
            self.pane.set_times(Times.LOCAL if self._local else Times.UTC)
        self.pane.grid.focus()
        if self._path is not None:
            self._start(self._path)

    async def on_unmount(self) -> None:
        self.workers.cancel_node(self)
        if self._session is not None:
            await self._session.close()

    # --- what the app asks

    def present(self, view: View) -> None:
        if not self.query(KeyLine):
            return  # It is being put together, or taken down.
        if self._path is None:
            super().present(view)
        else:
            self.show(view)

    def show(self, view: View) -> None:
        self._frozen = view.frozen
        if self._local != self.deck_app.local_time:
            self._local = self.deck_app.local_time
            self.pane.set_times(Times.LOCAL if self._local else Times.UTC)
        path = self._path or self.deck_app.db
        if path is not None and (self._session is None or self._session.path != path):
            self._start(path)

    @property
    def crumb(self) -> str:
        return f"tables › {self.pane.place.table}" if self.pane.place.table else "tables"

    @property
    def selected_cycle(self) -> int | None:
        """The cycle of the row under the cursor, in a ledger of this app."""
        paged, row = self.pane.paged, self.pane.grid.row
        if self._path is not None or paged is None or row is None:
            return None
        return cycle_of([info.name for info in paged.columns], row)

    def open_table(self, table: str, column: str = "", value: str = "") -> None:
        """Show a table, or its rows where a column has a value."""
        where = (Condition(column, "=", value),) if column else ()
        place = Place(table, where=where)
        if self._session is not None and self._session.tables:
            self._open(place)
        else:
            self._pending = place

    def copied(self) -> str | None:
        cell = self.pane.grid.cell
        return None if cell is None or cell.cut else cell.text

    def export(self) -> None:
        if self._rows is None:
            return
        name = self.pane.place.table or "result"
        self.app.push_screen(ExportDialog(self._rows, name))

    # --- opening

    def _start(self, path: Path) -> None:
        if self._session is not None:
            self.run_worker(self._session.close(), group="close")
        self._session = Session(path)
        self._restart()

    def _restart(self) -> None:
        self.run_worker(self._open_file(), group="open", exclusive=True)

    async def _open_file(self) -> None:
        session = self._session
        if session is None:
            return
        self._say_file(session)
        try:
            await session.start()
            self._version = await session.data_version()
        except BrowseError as trouble:
            self._in_trouble(trouble)
            return
        self._trouble = None
        self._say_file(session)
        if (place := self._first_place(session)) is None:
            self.pane.show_trouble("This database has no tables yet.", _RETRY)
            return
        spot = self.pane.spot if place == self.pane.place else Spot()
        await self._show_place(place, spot)

    def _first_place(self, session: Session) -> Place | None:
        place, self._pending = self._pending or self.pane.place, None
        if place != Place():
            return place
        names = [table.name for table in sorted_tables(session.tables) if not table.problem]
        if not names:
            return None
        return Place(_FIRST_TABLE if _FIRST_TABLE in names else names[0])

    def _say_file(self, session: Session) -> None:
        if self._path is None:
            return
        said = line((" browse ", Tone.BADGE), "  ", (str(session.path), Tone.STRONG))
        with suppress(OSError):
            held = size(session.path.stat().st_size)
            tables = f"{count(len(session.tables))} tables and views"
            said = line(said, (f"  {held} · {tables}", Tone.DIM))
        self._file_line.show(said)

    def _open(self, place: Place, spot: Spot | None = None, *, back: bool = False) -> None:
        """Show other rows, and remember where one came from."""
        if not back and self.pane.paged is not None:
            self._trail.push(self.pane.place, self.pane.spot)
        shown = self._show_place(place, spot or Spot(column=self.pane.spot.column))
        self.run_worker(shown, group="open", exclusive=True)

    async def _show_place(self, place: Place, spot: Spot) -> None:
        session = self._session
        if session is None:
            return
        started = time.monotonic()
        if place.sql:
            self.query_pane.say(line(("running …", Tone.LIVE), ("  esc stops", Tone.FAINT)))
        try:
            rows = await session.rows(place)
        except BrowseError as trouble:
            self._not_opened(place, trouble)
            return
        await self._replace_rows(place, rows, spot)
        if place.sql:
            took = span((time.monotonic() - started) * 1_000)
            said = line(("first rows after ", Tone.DIM), took)
            self.query_pane.say(line(said, (" · esc goes to them", Tone.FAINT)))

    async def _replace_rows(self, place: Place, rows: Rows, spot: Spot) -> None:
        """The old rows stay until the new ones are there; none is left open."""
        useless = rows
        try:
            await self.pane.show(place, rows, spot)
            useless, self._rows = self._rows or rows, rows
        finally:
            if useless is not self._rows:
                self.run_worker(_closed(useless), group="close")
        self._named(place)

    def _named(self, place: Place) -> None:
        if self._session is not None:
            self._list.show(self._session.tables, place.table)
        caption(self.pane, place.table or "result")
        self.query_pane.display = bool(place.sql) or self.query_pane.has_focus_within
        self.present(self.deck_app.view)

    def _not_opened(self, place: Place, trouble: BrowseError) -> None:
        """What was seen stays, where that says more."""
        if place.sql:
            self.query_pane.say(line(("▲ ", Tone.ATTENTION), str(trouble)))
        elif self._same_source(place):
            self.pane.remark(line(("▲ ", Tone.ATTENTION), str(trouble)))
        else:
            self.pane.show_trouble(str(trouble), _RETRY)
            self._named(place)

    def _same_source(self, place: Place) -> bool:
        seen = self.pane.place
        return self.pane.paged is not None and seen.table == place.table

    def _in_trouble(self, trouble: BrowseError) -> None:
        self._trouble, self._trouble_since = trouble, time.monotonic()
        self._found = self._stat()
        self.pane.show_trouble(str(trouble), _RETRY)

    def _stat(self) -> tuple[int, ...]:
        """Which file there is, and since when."""
        try:
            found = (self._session.path if self._session else Path()).stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    @property
    def _worth_a_try(self) -> bool:
        if self._trouble is not None and self._trouble.trouble in _PASSING:
            return time.monotonic() - self._trouble_since > _RETRY_SECONDS
        return self._stat() != self._found

    def on_rows_view_lost(self, event: RowsView.Lost) -> None:
        self._in_trouble(event.trouble)

    # --- looking again

    def _tick(self) -> None:
        if self.app.screen is not self:
            return
        busy = self._workers_of("look") or self._workers_of("open")
        if not (busy or self._frozen or self._session is None):
            self.run_worker(self._look(self._session), group="look")

    async def _look(self, session: Session) -> None:
        """Cheap, and nothing more unless somebody has written."""
        if self._trouble is not None:
            if self._worth_a_try:
                self._restart()
            return
        try:
            version = await session.data_version()
            if version != self._version and not self.pane.place.sql:
                await self.pane.look_again()
            self._version = version
        except BrowseError as trouble:
            if trouble.trouble != "locked":
                self._in_trouble(trouble)
        self.pane.forget_fresh()

    def action_reload(self) -> None:
        """Everything anew: the list of tables, the rows, the count."""
        self._restart()

    async def action_stop(self) -> None:
        """What runs is stopped; else a pane that is not needed any more goes away."""
        if opening := self._workers_of("open"):
            opening[0].cancel()
            self.query_pane.say(line(("stopped", Tone.ATTENTION)))
        elif not await self.pane.stop():
            self._put_query_away()

    def _workers_of(self, group: str) -> list[Worker[object]]:
        return [w for w in self.workers if (w.node, w.group) == (self, group) and w.is_running]

    # --- messages of the panes

    def on_grid_chosen(self, event: Grid.Chosen) -> None:
        event.stop()
        self._open(Place(str(event.key)))
        self.pane.grid.focus()

    def on_rows_pane_wanted(self, event: RowsPane.Wanted) -> None:
        event.stop()
        self._open(event.place)

    def on_data_grid_chosen(self, event: DataGrid.Chosen) -> None:
        event.stop()
        paged, session = self.pane.paged, self._session
        if paged is None or session is None:
            return
        place = self.pane.place
        linked = partial(links, session.tables, session.table(place.table))
        number = self.pane.grid.cursor_row
        detail = RowDetail(place.table or "result", paged, number, linked, self.pane.grid.go_to)
        self.app.push_screen(detail, self._follow_link)

    def _follow_link(self, link: Link | None) -> None:
        if link is not None:
            self.open_table(link.table, link.column, link.value)

    def on_query_pane_run(self, event: QueryPane.Run) -> None:
        event.stop()
        self._open(Place(sql=event.sql))

    async def on_query_pane_left(self, event: QueryPane.Left) -> None:
        event.stop()
        await self.action_stop()

    async def _completions(self, text: str, cursor: int) -> tuple[str, ...]:
        return await self._session.complete(text, cursor) if self._session else ()

    def _put_query_away(self) -> None:
        self.pane.grid.focus()
        self.query_pane.display = bool(self.pane.place.sql)

    # --- keys

    def action_query(self) -> None:
        self.query_pane.display = True
        self.query_pane.area.focus()

    def action_export(self) -> None:
        self.export()

    def action_pick(self) -> None:
        if self._session is not None:
            picker = TablePicker(self._session.tables, self.pane.place.table)
            self.app.push_screen(picker, self._picked)

    def _picked(self, table: str | None) -> None:
        if table is not None:
            self._open(Place(table))

    def action_back(self) -> None:
        if (step := self._trail.pop()) is not None:
            self._open(*step, back=True)

    def action_copy(self) -> None:
        self.run_worker(self._copy(whole_row=False), group="copy")

    def action_copy_row(self) -> None:
        self.run_worker(self._copy(whole_row=True), group="copy")

    async def _copy(self, *, whole_row: bool) -> None:
        """Whole cells, also where only their beginning is shown."""
        grid, paged = self.pane.grid, self.pane.paged
        row, column = grid.row, grid.column
        if paged is None or row is None or column is None or row.gone:
            return
        try:
            if any(cell.cut for cell in row.cells):
                row = await paged.rows.row(row.key)
        except BrowseError as trouble:
            self.deck_app.tell(str(trouble), Tone.ATTENTION)
            return
        text = as_json(paged.columns, row) if whole_row else row.cells[column.place].text
        self.app.copy_to_clipboard(text)
        what = "row" if whole_row else column.title
        self.deck_app.tell(f"Copied {what}: {count(len(text))} characters")


async def _closed(rows: Rows) -> None:
    with suppress(BrowseError):
        await rows.close()
