"""The tables and views of a file."""

from collections.abc import Sequence

from console.browser.model import TableInfo
from console.kit.grid import Column, Grid
from console.kit.lines import Tone, line
from console.kit.rows import Row

# A virtual table's own storage comes last: few look for it.
_SIGNS = {"table": "", "view": "view", "virtual": "virtual"}


class TableList(Grid):
    """A list of tables. `Chosen` with a table's name opens it."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__([Column("  table", 0)], empty="no tables", id=id, classes=classes)
        self._tables: Sequence[TableInfo] = ()
        self._open = ""

    def show(self, tables: Sequence[TableInfo], opened: str) -> None:
        """Show the tables; `opened` is the one whose rows are on the screen."""
        self._tables, self._open = tables, opened
        self.set_rows([self._row(table) for table in sorted_tables(tables)])

    def _row(self, table: TableInfo) -> Row:
        opened = table.name == self._open
        tone = Tone.STRONG if opened else Tone.FAINT if table.shadow else Tone.PLAIN
        sign = ("▸ ", Tone.LIVE) if opened else ("  ", Tone.PLAIN)
        return Row(table.name, (line(sign, (table.name, tone), _kind(table)),))


def sorted_tables(tables: Sequence[TableInfo]) -> list[TableInfo]:
    return sorted(tables, key=lambda table: (table.shadow, table.name.casefold()))


def _kind(table: TableInfo) -> tuple[str, Tone]:
    if table.problem:
        return "  ▲", Tone.ATTENTION
    kind = "shadow" if table.shadow else _SIGNS[table.kind]
    return f"  {kind}" if kind else "", Tone.DIM
