"""A check of the books, and the violations that it yields."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from engine.cycles.results import Frozen
from engine.store.tx import Row, Tx

Report = Callable[[str, int], None]
EVERY = 1_000


class Violation(Frozen):
    """A value that is not as it has to be: the one expected, the one found, and where it stands."""

    table: str
    key: str
    expected: str
    found: str

    @classmethod
    def of(cls, table: str, key: object, expected: object, actual: object) -> "Violation":
        return cls(table=table, key=str(key), expected=str(expected), found=str(actual))

    @classmethod
    def of_columns(
        cls, table: str, key: object, expected: Mapping[str, Any], row: Mapping[str, Any]
    ) -> Iterator["Violation"]:
        """A violation for each column of a row that is not as expected."""
        for column, value in expected.items():
            if value != row[column]:
                yield cls.of(table, f"{key}.{column}", value, row[column])


class Check(ABC):
    """A check of the books on one snapshot. `done` counts the rows it has looked at."""

    name: ClassVar[str]

    def __init__(self, tx: Tx, report: Report) -> None:
        self._tx = tx
        self._report = report
        self.done = 0

    @abstractmethod
    def violations(self) -> Iterator[Violation]: ...

    def count(self, more: int = 1) -> None:
        """Add to `done`; the report is given a figure now and then."""
        self.done += more
        if self.done % EVERY < more:
            self._report(self.name, self.done)


class Ahead:
    """Rows in the order of the number in their first column, taken as far as a number at a time."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def upto(self, number: float) -> Iterator[Row]:
        while self._next is not None and self._next[0] <= number:
            row, self._next = self._next, next(self._rows, None)
            yield row
