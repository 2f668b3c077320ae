"""Tables: every table and view of a file, whole, whatever its size; and statements that read it."""

from functools import partial
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from console.browser.model import BrowseError, Condition
from console.browser.ui.data_grid import DataGrid
from console.browser.ui.export_dialog import ExportDialog
from console.browser.ui.file_screen import FileScreen
from console.browser.ui.links import Link, links
from console.browser.ui.query_pane import QueryPane
from console.browser.ui.row_detail import RowDetail, as_json, copy
from console.browser.ui.rows_pane import RowsPane
from console.browser.ui.table_picker import TablePicker
from console.browser.ui.table_query import TableQuery
from console.kit.grid import Grid
from console.kit.lines import Tone


class TablesScreen(FileScreen):
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

    @property
    def crumb(self) -> str:
        table = self.pane.table_query.table
        return f"tables › {table}" if table else "tables"

    def open_table(self, table: str, column: str = "", value: str = "") -> None:
        """Show a table, or its rows where a column has a value."""
        where = (Condition(column, "=", value),) if column else ()
        query = TableQuery(table, where=where)
        if self._session is not None and self._session.tables:
            self._open(query)
        else:
            self.pane.aim = query

    def copied(self) -> str | None:
        cell = self.pane.grid.cell
        return None if cell is None or cell.cut else cell.text

    def export(self) -> None:
        if self._rows is None:
            return
        name = self.pane.table_query.table or "result"
        self.app.push_screen(ExportDialog(self._rows, name))

    # --- messages of the panes

    @on(Grid.Chosen, "#tables")
    def _open_listed(self, event: Grid.Chosen) -> None:
        event.stop()
        self._open(TableQuery(str(event.key)))
        self.pane.grid.focus()

    def on_rows_pane_wanted(self, event: RowsPane.Wanted) -> None:
        event.stop()
        self._open(event.query)

    @on(DataGrid.Chosen, "#rows")
    def _open_row(self, event: DataGrid.Chosen) -> None:
        event.stop()
        paged, session = self.pane.paged, self._session
        if paged is None or session is None:
            return
        query = self.pane.table_query
        linked = partial(links, session.tables, session.table(query.table))
        number = self.pane.grid.cursor
        detail = RowDetail(query.table or "result", paged, number, linked, self.pane.grid.go_to)
        self.app.push_screen(detail, self._follow_link)

    def _follow_link(self, link: Link | None) -> None:
        if link is not None:
            self.open_table(link.table, link.column, link.value)

    def on_query_pane_run(self, event: QueryPane.Run) -> None:
        event.stop()
        self._open(TableQuery(sql=event.sql))

    def on_query_pane_left(self, event: QueryPane.Left) -> None:
        event.stop()
        self.action_stop()

    # --- keys

    def action_query(self) -> None:
        self.query_pane.open(self.pane.table_query.table)

    def action_export(self) -> None:
        self.export()

    def action_pick(self) -> None:
        if self._session is not None:
            picker = TablePicker(self._session.tables, self.pane.table_query.table)
            self.app.push_screen(picker, self._picked)

    def _picked(self, table: str | None) -> None:
        if table is not None:
            self._open(TableQuery(table))

    def action_back(self) -> None:
        if (step := self._trail.pop()) is not None:
            self._open(*step, back=True)

    def action_copy(self) -> None:
        self._copy(whole_row=False)

    def action_copy_row(self) -> None:
        self._copy(whole_row=True)

    @work(group="copy")
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
            self.host.tell(str(trouble), Tone.ATTENTION)
            return
        cut = any(cell.cut for cell in (row.cells if whole_row else [row.cells[column.place]]))
        text = as_json(paged.columns, row) if whole_row else row.cells[column.place].text
        copy(self, text, cut=cut)
