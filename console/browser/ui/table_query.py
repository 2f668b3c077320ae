"""The query of a pane: a table or a statement, its order and its filters."""

from dataclasses import dataclass, replace

from console.browser.model import Condition, SortTerm


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Rows of `table`, or of the statement `sql`."""

    table: str = ""
    sql: str = ""
    order: tuple[SortTerm, ...] = ()
    where: tuple[Condition, ...] = ()
    search: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether filters may leave out rows."""
        return bool(self.where or self.search)

    def sorted_on(self, column: str) -> SortTerm | None:
        return next((order for order in self.order if order.column == column), None)

    def with_sort_turned(self, column: str) -> "TableQuery":
        """The query sorted ascending on a column, then descending, then as stored."""
        term = self.sorted_on(column)
        if term is None:
            return replace(self, order=(SortTerm(column),))
        return replace(self, order=() if term.descending else (SortTerm(column, descending=True),))


@dataclass(frozen=True, slots=True)
class Spot:
    """The cell under the cursor."""

    row: int = 0
    column: str = ""


class Trail:
    """The queries one came from, newest last."""

    LONGEST = 100

    def __init__(self) -> None:
        self._steps: list[tuple[TableQuery, Spot]] = []

    def push(self, query: TableQuery, spot: Spot) -> None:
        self._steps = [*self._steps, (query, spot)][-self.LONGEST :]

    def pop(self) -> tuple[TableQuery, Spot] | None:
        return self._steps.pop() if self._steps else None
