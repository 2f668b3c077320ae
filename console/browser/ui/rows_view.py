"""The rows of one query, with its filters above, and the cell and the count below."""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from console.browser.client import Rows
from console.browser.model import BrowseError, Key, Progress
from console.browser.ui import captions
from console.browser.ui.cells import Times
from console.browser.ui.columns import Columns
from console.browser.ui.data_grid import DataGrid
from console.browser.ui.pages import PagedRows
from console.browser.ui.table_query import Spot, TableQuery
from console.browser.ui.trouble_panel import TroublePanel
from console.kit.formats import plural
from console.kit.host import host_of
from console.kit.line_widget import TextLine
from console.kit.lines import Line, Tone, attention, joined, line
from console.kit.prompt_line import PromptLine

_TIMES = (Times.RAW, Times.UTC, Times.LOCAL)
# How long a row is marked as new.
_FRESH_SECONDS = 5.0
_OUTDATED: Line = line(("▲ ", Tone.ATTENTION), "the file has changed since: ", ("f5", Tone.LIVE))
# With these nothing more can be read until the file is opened anew.
FATAL = frozenset({"replaced", "missing", "permission", "not a database", "worker"})


class RowsView(Vertical):
    """Rows of a table or a statement: no more of them are read than are seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "times", "Times: raw, UTC, local", show=False),
    ]

    class Lost(Message):
        """The file cannot be read any more."""

        def __init__(self, trouble: BrowseError) -> None:
            super().__init__()
            self.trouble = trouble

    def __init__(self) -> None:
        super().__init__(id="rows-pane", classes="panel")
        self.grid = DataGrid(id="rows")
        self.prompt = PromptLine()
        self._chips_line = TextLine(id="chips")
        self._trouble_panel = TroublePanel(id="trouble")
        self._cell_line = TextLine(id="cell")
        self._count_line = TextLine(id="count")
        # `aim` was asked for last: it is shown, or will be, or could not be.
        self.table_query = self.aim = TableQuery()
        self.paged: PagedRows | None = None
        self._layouts: dict[str, Columns] = {}
        self._times = Times.RAW
        self._remark: Line = ()
        self.following = False
        self._fresh: list[tuple[float, int]] = []
        self._counted_before: int | None = None
        self._held: tuple[int, Key] | None = None
        self._looked_at = 0
        # Others have written what is not counted yet: look again, even if they write no more.
        self.uncounted = False

    def compose(self) -> ComposeResult:
        yield self._chips_line
        yield self.grid
        yield self._trouble_panel
        yield self._cell_line
        yield self._count_line
        yield self.prompt

    @property
    def spot(self) -> Spot:
        column = self.grid.column
        return Spot(self.grid.cursor, column.title if column else "")

    @property
    def busy(self) -> bool:
        """Whether rows are being counted, filtered, sorted or searched."""
        rows = self.paged.rows if self.paged is not None else None
        return rows is not None and (
            rows.count.state == "counting" or captions.running(rows.progress)
        )

    # --- rows

    async def show(self, query: TableQuery, rows: Rows, spot: Spot) -> None:
        """Other rows, as soon as the first of them are here; whoever opened them closes them."""
        paged = PagedRows(rows, self._rows_came, self.not_read, host_of(self).fail)
        await paged.ready(spot.row, spot.row + self.grid.rows_seen)
        self.leave()
        self.table_query, self.paged = query, paged
        if rows.progress is not None:
            self._add_looked_at(rows.progress)
        rows.on_progress = self._progressed
        self.remove_class("-trouble")
        if self.is_attached and self.screen.focused is None:  # Hidden in trouble, they lost it.
            self.call_after_refresh(self.grid.focus)
        columns = self._columns_of(query, rows)
        self.grid.show_rows(paged, columns, row=spot.row, column=spot.column)
        self._counted_anew()
        self.say()

    def show_trouble(self, what: str, todo: Line) -> None:
        """Leave the rows, and show a trouble instead."""
        self.leave()
        self._trouble_panel.show(what, todo)
        self.add_class("-trouble")

    def leave(self) -> None:
        """The rows shown will be closed."""
        if self.paged is not None:
            self.paged.close()
            self.paged.rows.on_progress = None
        self.paged, self._counted_before, self._held = None, None, None
        self._fresh, self._looked_at, self._remark = [], 0, ()
        self.uncounted = False

    async def look_again(self) -> None:
        """Others have written: read what is seen anew. Raises `BrowseError`."""
        paged = self.paged
        if paged is None:
            return
        row = None if self.following else self.grid.row
        self._held = (self.grid.cursor, row.key) if row else None
        await paged.rows.refresh()
        self.uncounted = not (paged.counted or paged.rows.stopped)
        paged.read_again()
        self._counted_anew()
        self.grid.count_changed()
        self.say()

    def _counted_anew(self) -> None:
        """Rows that came since they were counted first are new, also before they are counted anew.
        A cursor that is on the newest one follows; any other stays on its row."""
        if self.paged is None or (self._counted_before is None and not self.paged.counted):
            return
        before, self._counted_before = self._counted_before, len(self.paged)
        grown = self._counted_before - before if before is not None else 0
        if grown <= 0:
            return
        self._fresh.append((_now(), grown))
        newest = 0 if self._newest_first else self._counted_before - grown - 1
        if self.following and self.grid.cursor == newest:
            self.grid.go_to(0 if self._newest_first else self._counted_before - 1)
        elif self._newest_first:
            self.grid.shift(grown)
        self.forget_fresh()

    def _rows_came(self, first: int, last: int) -> None:
        if first <= self.grid.cursor <= last:
            self._hold_cursor(first, last)
        self.grid.rows_came(first, last)

    def _hold_cursor(self, first: int, last: int) -> None:
        """On its row, when others came before it."""
        if self._held is None or self.paged is None:
            return
        cursor, key = self._held
        number = self.paged.number_of(key, first, last)
        if cursor != self.grid.cursor or number is not None:
            self._held = None
        if number is not None and cursor == self.grid.cursor:
            self.grid.shift(number - cursor)

    async def to_newest(self) -> None:
        """Put the cursor where new rows appear: at the end or at the top. Raises `BrowseError`."""
        if self._newest_first:
            self.grid.go_to(0)
        else:
            await self.to_last()

    async def to_last(self) -> None:
        """Put the cursor on the last row, counted or not. Raises `BrowseError`."""
        if self.paged is not None:
            last = await self.paged.last()
            self.grid.rows_changed()
            self.grid.go_to(last)

    def follow(self, following: bool) -> None:
        """While following, new rows are marked and the cursor goes to them."""
        self.following, self._fresh = following, []
        self.forget_fresh()
        self.say()

    def forget_fresh(self) -> None:
        """Rows are new for a few seconds only."""
        now = _now()
        self._fresh = [(since, rows) for since, rows in self._fresh if now - since < _FRESH_SECONDS]
        fresh = sum(rows for _, rows in self._fresh) if self.following else 0
        end = fresh if self._newest_first else len(self.paged or ())
        self.grid.mark(range(end - fresh, end))

    @property
    def _newest_first(self) -> bool:
        return any(order.descending for order in self.table_query.order[:1])

    def set_times(self, times: Times) -> None:
        self._times = times
        for columns in (*self._layouts.values(), self.grid.columns):
            columns.set_times(times)
        self.grid.columns_changed()

    def _columns_of(self, query: TableQuery, rows: Rows) -> Columns:
        """The columns as the operator left them, when the same ones come again."""
        name = query.table or query.sql
        fresh = Columns.of(rows.columns, self._times)
        before = self._layouts.get(name)
        if before and _named(before) == _named(fresh):
            return before
        if query.table:
            self._layouts[name] = fresh
        return fresh

    # --- what is shown about them

    def remark(self, remark: Line) -> None:
        """Something to know about the rows; it stays until the next step."""
        self._remark = remark
        self.say()

    def say(self) -> None:
        """Say anew what is shown, how many rows, how sure, and the cell."""
        self._chips_line.show(captions.chips(self.table_query))
        self._chips_line.display = bool(self._chips_line.shown)
        signs = {order.column: captions.sign(order.descending) for order in self.table_query.order}
        self.grid.set_signs(signs)
        self._count_line.show(self._counted())
        self.grid.set_empty("looking …" if self.busy else "no rows")
        column, cell = self.grid.column, self.grid.cell
        self._cell_line.show(captions.in_full(column.info, cell) if column and cell else ())

    def _counted(self) -> Line:
        if self.paged is None:
            return self._remark
        rows = self.paged.rows
        row = self.grid.cursor if len(self.paged) else -1
        parts = [captions.counted(row, rows.count, rows.progress, rows.stopped)]
        if not captions.running(rows.progress):
            parts.append(captions.looked_at(self._looked_at))
        parts += captions.sorting(self.table_query)
        if self.following:
            parts.append(line(("● following", Tone.LIVE)))
        if rows.outdated:
            parts.append(_OUTDATED)
        if hidden := self.grid.columns.hidden:
            parts.append(line((f"{plural(hidden, 'column')} hidden", Tone.DIM)))
        return joined([*parts, self._remark], captions.DOT)

    def _progressed(self, progress: Progress) -> None:
        if self.paged is None:
            return
        self._add_looked_at(progress)
        first, by = self.paged.settle()
        if by and self.grid.cursor >= first:
            self.grid.shift(by)
        self._counted_anew()
        self.grid.count_changed()
        self.say()

    def _add_looked_at(self, progress: Progress) -> None:
        """Add up the rows that filters read: those that came later are read in another scan."""
        through_an_index = progress.scanned == progress.matches
        if progress.done and progress.doing == "filtering" and not through_an_index:
            self._looked_at += progress.scanned

    def not_read(self, trouble: BrowseError) -> None:
        if trouble.trouble in FATAL:
            self.post_message(self.Lost(trouble))
        else:
            self.remark(attention(str(trouble)))

    def on_row_cursor_moved(self, event: DataGrid.Moved) -> None:
        event.stop()
        self.say()

    def action_times(self) -> None:
        self.set_times(_TIMES[(_TIMES.index(self._times) + 1) % len(_TIMES)])
        words = {Times.RAW: "times raw", Times.UTC: "times in UTC", Times.LOCAL: "local times"}
        self.remark(line((words[self._times], Tone.DIM)))


def _named(columns: Columns) -> list[tuple[str, str]]:
    return [(column.info.name, column.info.type) for column in columns.all]


def _now() -> float:
    return asyncio.get_running_loop().time()
