"""What is looked at: a table or a statement, in which order, through which filters."""

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
        """Whether it does not show all rows there are."""
        return bool(self.where or self.search)

    def sorted_on(self, column: str) -> SortTerm | None:
        return next((order for order in self.order if order.column == column), None)

    def with_sort_turned(self, column: str) -> "TableQuery":
        """Ascending, then descending, then as stored."""
        known = self.sorted_on(column)
        if known is None:
            return replace(self, order=(SortTerm(column),))
        return replace(self, order=() if known.descending else (SortTerm(column, descending=True),))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the cursor was."""

    row: int = 0
    column: str = ""


class Trail:
    """The places one came from, newest last."""

    MOST_KEPT = 100

    def __init__(self) -> None:
        self._steps: list[tuple[TableQuery, Spot]] = []

    def push(self, place: TableQuery, spot: Spot) -> None:
        self._steps = [*self._steps, (place, spot)][-self.MOST_KEPT :]

    def pop(self) -> tuple[TableQuery, Spot] | None:
        return self._steps.pop() if self._steps else None
