"""What is looked at: a table or a statement, in which order, through which filters."""

from dataclasses import dataclass, replace

from console.browser.model import Condition, Order


@dataclass(frozen=True, slots=True)
class Place:
    """Rows of `table`, or of the statement `sql`."""

    table: str = ""
    sql: str = ""
    order: tuple[Order, ...] = ()
    where: tuple[Condition, ...] = ()
    search: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether it does not show all rows there are."""
        return bool(self.where or self.search)

    def sorted_on(self, column: str) -> Order | None:
        return next((order for order in self.order if order.column == column), None)

    def with_sort_turned(self, column: str) -> "Place":
        """Ascending, then descending, then as stored."""
        known = self.sorted_on(column)
        if known is None:
            return replace(self, order=(Order(column),))
        return replace(self, order=() if known.descending else (Order(column, descending=True),))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the cursor was."""

    row: int = 0
    column: str = ""


class Trail:
    """The places one came from, newest last."""

    MOST_KEPT = 100

    def __init__(self) -> None:
        self._steps: list[tuple[Place, Spot]] = []

    def push(self, place: Place, spot: Spot) -> None:
        self._steps = [*self._steps, (place, spot)][-self.MOST_KEPT :]

    def pop(self) -> tuple[Place, Spot] | None:
        return self._steps.pop() if self._steps else None
