"""The rows of a query with keys to sort, filter, search, and go to a number or a key."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message

from console.browser.model import BrowseError, Cell, ColumnInfo, Condition
from console.browser.ui import filters
from console.browser.ui.data_grid import DataGrid
from console.browser.ui.goto import Target, target
from console.browser.ui.rows_view import RowsView
from console.browser.ui.table_query import TableQuery
from console.kit.formats import count
from console.kit.lines import Line, Tone, attention, line
from console.kit.prompt_line import PromptLine


class RowsPane(RowsView):
    """A view of rows with its keys. `Wanted` asks for other rows than those on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort"),
        Binding("slash", "filter", "Filter"),
        Binding("equals_sign", "same", "Only rows with this value", show=False),
        Binding("asterisk", "search", "Filter on any column", show=False),
        Binding("c", "clear", "Clear filters and order", show=False),
        Binding("colon", "go_to", "Go to"),
        Binding("F,ctrl+s", "find", "Find"),
        Binding("f", "follow", "Follow"),
        Binding("n", "find_next(1)", "Next found", show=False),
        Binding("N", "find_next(-1)", "Previous found", show=False),
    ]

    @dataclass
    class Wanted(Message):
        """The same rows in another order, or through other filters."""

        query: TableQuery

    def __init__(self) -> None:
        super().__init__()
        self._sought = ""
        self._asked_of: ColumnInfo | None = None

    async def stop(self) -> bool:
        """Stop all scans; returns whether there was one."""
        searching = [w for w in self.workers if w.node is self and w.is_running]
        for worker in searching:
            worker.cancel()
        paged = self.paged
        if paged is None or not (searching or self.busy):
            return False
        with suppress(BrowseError):
            await paged.rows.cancel()
        self.say()
        return True

    # --- other rows

    def action_sort(self) -> None:
        if column := self.grid.column:
            self._want(self._basis.with_sort_turned(column.title))

    def action_same(self) -> None:
        column, cell = self.grid.column, self.grid.cell
        if column is None or cell is None:
            return
        if cell.cut:
            self.remark(attention("too long a value to filter by"))
            return
        text = None if cell.kind == "null" else cell.text
        self._add_condition(filters.equal(column.title, text))

    def action_clear(self) -> None:
        if self._basis.narrowed or self._basis.order:
            self._want(TableQuery(self._basis.table, self._basis.sql))

    def on_data_grid_heading_clicked(self, event: DataGrid.HeadingClicked) -> None:
        event.stop()
        self.action_sort()

    def _add_condition(self, condition: Condition) -> None:
        where = filters.with_condition(self._basis.where, condition)
        self._want(replace(self._basis, where=where))

    @property
    def _basis(self) -> TableQuery:
        """The query that keys change: the newest one for the rows shown, also before it is read."""
        aim, shown = self.aim, self.table_query
        return aim if (aim.table, aim.sql) == (shown.table, shown.sql) else shown

    def _want(self, query: TableQuery) -> None:
        if query != self.aim:
            self.aim = query
            self.post_message(self.Wanted(query))

    # --- questions

    def action_filter(self) -> None:
        if column := self.grid.column:
            info = self._asked_of = column.info
            conditions = [c for c in self._basis.where if c.column == info.name]
            text = filters.typed(conditions[0]) if len(conditions) == 1 else ""
            self._ask("filter", f"{info.name}", partial(_filter_hint, info), text)

    def action_search(self) -> None:
        self._ask("search", "any column ~", _search_hint, self._basis.search)

    def action_go_to(self) -> None:
        self._ask("go to", "go to", _go_to_hint)

    def action_find(self) -> None:
        hint = line(("in any column; n next, N previous", Tone.DIM))
        self._ask("find", "find", lambda _: hint, self._sought)

    def _ask(self, question: str, label: str, hint: Callable[[str], Line], text: str = "") -> None:
        if self.paged is not None:
            self._remark = ()
            self.prompt.ask(question, label, hint, text)

    def on_prompt_line_dismissed(self, event: PromptLine.Dismissed) -> None:
        event.stop()
        self.grid.focus()

    def on_prompt_line_answered(self, event: PromptLine.Answered) -> None:
        event.stop()
        self.grid.focus()
        text = event.text.strip()
        match event.question:
            case "filter":
                self._answer_filter(text)
            case "search":
                self._want(replace(self._basis, search=text))
            case "go to" if (row := target(text)) is not None:
                self._run(partial(self._go, row))
            case "find":
                self._sought = text
                if text:
                    self._run(partial(self._find, self.grid.cursor, backwards=False))

    def _answer_filter(self, text: str) -> None:
        if (info := self._asked_of) is None:
            return
        condition = filters.parsed(info, text)
        if condition is None:
            where = filters.without(self._basis.where, info.name)
            self._want(replace(self._basis, where=where))
        else:
            self._add_condition(condition)

    # --- going and finding

    def action_find_next(self, by: int) -> None:
        if not self._sought:
            self.action_find()
        elif self.grid.cursor + by >= 0:
            self._run(partial(self._find, self.grid.cursor + by, backwards=by < 0))

    def on_data_grid_last_wanted(self, event: DataGrid.LastWanted) -> None:
        event.stop()
        self._run(self.to_last)

    def action_follow(self) -> None:
        self.follow(not self.following)
        if self.following:
            self._run(self.to_newest)

    @work(exclusive=True, group="going")
    async def _run(self, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the newest step alone."""
        try:
            await doing()
        except BrowseError as trouble:
            self.not_read(trouble)

    async def _go(self, row: Target) -> None:
        if (paged := self.paged) is None:
            return
        number = row.number
        if row.share is not None:
            number = int(row.share * (len(paged) - 1))
        if row.key is not None:
            number = await paged.rows.find_key(row.key)
        if number is None:
            self.remark(attention(f"no row here has the key {row.key}"))
            return
        if number >= len(paged):
            beyond = "there are" if paged.counted else "known so far:"
            self.remark(attention(f"{beyond} {count(len(paged))} rows"))
        self.grid.go_to(number)

    async def _find(self, start: int, backwards: bool) -> None:
        if (paged := self.paged) is None:
            return
        number = await paged.rows.find_next(self._sought, start, backwards)
        if number is None:
            where = "above" if backwards else "below"
            self.remark(attention(f"no row {where} has “{self._sought}”"))
            return
        self._remark = ()
        self.grid.go_to(number)
        await paged.settled()
        self.grid.go_to(number, self._column_of_hit(number))
        self.say()

    def _column_of_hit(self, number: int) -> int | None:
        row = self.paged.row(number) if self.paged is not None else None
        sought = self._sought.casefold()
        for index, column in enumerate(self.grid.columns.seen):
            if row and column.place < len(row.cells) and _has(row.cells[column.place], sought):
                return index
        return None


def _has(cell: Cell, sought: str) -> bool:
    return cell.kind != "null" and sought in cell.text.casefold()


def _filter_hint(info: ColumnInfo, text: str) -> Line:
    condition = filters.parsed(info, text)
    if condition is None:
        return line(("= != < <= > >= ~ is null", Tone.DIM))
    return line(("rows where ", Tone.DIM), filters.spoken(condition))


def _search_hint(text: str) -> Line:
    return line((("only rows with it" if text else "nothing: all rows"), Tone.DIM))


def _go_to_hint(text: str) -> Line:
    row = target(text)
    if row is None:
        return line(("a row's number, 50 %, or a key", Tone.DIM))
    if row.number is not None:
        return line(("row ", Tone.DIM), count(row.number + 1), ("  “key …” for a key", Tone.DIM))
    if row.share is not None:
        return line((f"{row.share:.0%} of the way", Tone.DIM))
    return line(("the row with key ", Tone.DIM), row.key or "")
