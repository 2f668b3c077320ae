"""One row in full, in front of the table: every column, readable, and links to related rows."""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from console.browser.model import BrowseError, Cell, ColumnInfo, Row
from console.browser.ui.fields import items
from console.browser.ui.item_list import ItemList
from console.browser.ui.links import Link
from console.browser.ui.pages import PagedRows
from console.kit.formats import count, plural
from console.kit.host import host_of
from console.kit.line_widget import TextLine, caption
from console.kit.lines import Line, Tone, attention, line

Linked = Callable[[str, Cell], Sequence[Link]]


class RowDetail(ModalScreen[Link | None]):
    """Ends with the link that was followed. `on_row` is told when another row is looked at."""

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-narrow"),
        (80, "-normal"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close"),
        Binding("question_mark", "app.help", "Help", show=False),
        Binding("left,h", "step(-1)", "Row before", show=False),
        Binding("right,l", "step(1)", "Row after", show=False),
        Binding("y", "copy", "Copy the value", show=False),
        Binding("Y", "copy_row", "Copy the row as JSON", show=False),
    ]

    def __init__(
        self,
        name: str,
        paged: PagedRows,
        number: int,
        linked: Linked,
        on_row: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._fields = ItemList(id="fields")
        self._said_line = TextLine(id="detail-said")
        self._box = Vertical(self._fields, self._said_line, id="detail", classes="panel")
        self._table = name
        self._paged = paged
        self._number = number
        self._linked = linked
        self._on_row = on_row
        self._row: Row | None = paged.row(number)
        self._reading = False

    def compose(self) -> ComposeResult:
        yield self._box

    def on_mount(self) -> None:
        keys = "enter follows · ← → rows · y copies · ? keys · esc closes"
        caption(self._box, subtitle=keys)
        self._fields.focus()
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    def action_step(self, by: int) -> None:
        """The cursor behind goes along."""
        if 0 <= self._number + by < len(self._paged):
            self._number += by
            self._on_row(self._number)
            self._read()

    def action_copy(self) -> None:
        item = self._fields.item
        if item is not None and self._row is not None:
            cell = self._row.cells[item.place]
            copy(self, cell.text, cut=cell.cut)

    def action_copy_row(self) -> None:
        if self._row is not None:
            cut = any(cell.cut for cell in self._row.cells)
            copy(self, as_json(self._paged.columns, self._row), cut=cut)

    def on_row_cursor_chosen(self, event: ItemList.Chosen) -> None:
        event.stop()
        item = self._fields.item
        if item is not None and item.link is not None:
            self.dismiss(item.link)

    @work(exclusive=True)
    async def _read(self) -> None:
        """What is here already is shown at once, its whole cells when they come."""
        self._row = self._paged.row(self._number)
        if self._row is None:
            await self._fetch()
        self._show()
        if self._row is None or not any(cell.cut for cell in self._row.cells):
            return
        try:
            self._row = await self._paged.rows.row(self._row.key)
        except BrowseError as trouble:
            self._said_line.show(attention(str(trouble)))
        else:
            self._show()

    async def _fetch(self) -> None:
        """A row that is not here yet."""
        self._reading = True
        self._show()
        self._paged.want(self._number, self._number)
        await self._paged.settled(None)
        self._row = self._paged.row(self._number)
        self._reading = False

    @property
    def _missing(self) -> Line:
        """What is said where there is no row to show."""
        if self._row is not None:
            return line(("this row is no more here", Tone.ATTENTION))
        if self._reading:
            return line(("reading …", Tone.LIVE))
        return line(("this row could not be read", Tone.ATTENTION))

    def _show(self) -> None:
        title = f"{self._table} · row {count(self._number + 1)}"
        caption(self._box, title)
        if self._row is None or self._row.gone:
            self._fields.show(())
            self._said_line.show(self._missing)
            return
        self._said_line.show(())
        infos = [info for info in self._paged.columns if info.hidden != "hidden"]
        cells = [self._linked(i.name, c) for i, c in zip(infos, self._row.cells, strict=False)]
        self._fields.show(
            items(infos, self._row, cells, self._fields.scrollable_content_region.width)
        )


def copy(screen: Screen[Any], text: str, *, cut: bool) -> None:
    """Copy a text, and say how much of it that is."""
    screen.app.copy_to_clipboard(text)
    characters = plural(len(text), "character")
    if cut:
        host_of(screen).tell(f"Copied the first {characters}: there are more", Tone.ATTENTION)
    else:
        host_of(screen).tell(f"Copied {characters}")


def as_json(infos: Sequence[ColumnInfo], row: Row) -> str:
    """The row as JSON: numbers digit by digit, blobs as hex."""
    names = [info.name for info in infos if info.hidden != "hidden"]
    parts = [
        f"{json.dumps(name, ensure_ascii=False)}: {_json_value(cell)}"
        for name, cell in zip(names, row.cells, strict=False)
    ]
    return "{" + ", ".join(parts) + "}"


def _json_value(cell: Cell) -> str:
    if cell.kind == "null":
        return "null"
    if cell.kind in ("integer", "real") and cell.text.lstrip("-")[:1].isdigit():
        return cell.text
    return json.dumps(cell.text, ensure_ascii=False)
