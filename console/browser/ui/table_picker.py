"""The dialog that opens a table by a part of its name."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from console.browser.model import TableInfo
from console.browser.ui.table_list import TableList
from console.kit.grid import Grid
from console.kit.line_widget import caption
from console.kit.plain_input import PlainInput


class TablePicker(ModalScreen[str | None]):
    """The result is the name of the table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close"),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
    ]

    def __init__(self, tables: Sequence[TableInfo], opened: str) -> None:
        super().__init__()
        self._tables = tables
        self._opened = opened

    def compose(self) -> ComposeResult:
        tables = TableList(id="pickable")
        tables.can_focus = False
        tables.show(self._tables, self._opened)
        tables.select(self._opened)
        with Vertical(id="picker", classes="panel") as box:
            caption(box, "open table", "enter opens · esc closes")
            yield PlainInput(id="picked", compact=True, placeholder="part of a name")
            yield tables

    def action_move(self, by: int) -> None:
        self.query_one(TableList).action_move(by)

    def on_input_changed(self, event: Input.Changed) -> None:
        sought = event.value.strip().casefold()
        fitting = [table for table in self._tables if sought in table.name.casefold()]
        self.query_one(TableList).show(fitting, self._opened)

    def on_input_submitted(self) -> None:
        name = self.query_one(TableList).key
        self.dismiss(str(name) if name is not None else None)

    def on_row_cursor_chosen(self, event: Grid.Chosen) -> None:
        self.dismiss(str(event.key))
