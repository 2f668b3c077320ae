"""A grid whose columns can be hidden, pinned and resized."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from console.browser.ui.data_grid import DataGrid


class TableGrid(DataGrid):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("minus", "hide", "Hide this column", show=False),
        Binding("plus", "unhide", "Show hidden columns", show=False),
        Binding("vertical_line", "pin", "Pin this column", show=False),
        Binding("less_than_sign", "resize(-4)", "Narrower column", show=False),
        Binding("greater_than_sign", "resize(4)", "Wider column", show=False),
    ]

    @dataclass
    class Arranged(Message):
        """The columns stand otherwise now."""

        grid: "TableGrid"

    def action_hide(self) -> None:
        column = self.column
        if column and len(self.columns.seen) > 1:
            column.hidden = True
            self._arranged()

    def action_unhide(self) -> None:
        for column in self.columns.all:
            column.hidden = False
        self._arranged()

    def action_pin(self) -> None:
        """The cursor stays on its column."""
        if column := self.column:
            column.pinned = not column.pinned
            place = self.columns.seen.index(column)
            self._arranged()
            self.go_to(self.cursor_row, place)

    def action_resize(self, by: int) -> None:
        self.resize_column(by)

    def _arranged(self) -> None:
        self.columns_changed()
        self.post_message(self.Arranged(self))
