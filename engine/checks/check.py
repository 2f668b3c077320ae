"""A check of the books, and the violations that it yields."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any, ClassVar, Generic, TypeVar

from engine.cycles.results import Frozen
from engine.errors import CycledeckError
from engine.store.damage import DAMAGE
from engine.store.tx import Row, Tx

Report = Callable[[str, int], None]
EVERY = 1_000
Record = dict[str, Any]


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


class CheckResult(Frozen):
    """What a check came to: how many rows it looked at, and the values that are not right."""

    name: str
    done: int
    violations: tuple[Violation, ...]


class Progress:
    """The name of a check, and in `done` how many rows it has looked at on its snapshot."""

    name: ClassVar[str]

    def __init__(self, tx: Tx, report: Report) -> None:
        self._tx = tx
        self._report = report
        self.done = 0

    def count(self, more: int = 1) -> None:
        """Add to `done`; the report is given a figure now and then."""
        self.done += more
        if self.done % EVERY < more:
            self._report(self.name, self.done)


class Check(Progress, ABC):
    """A check of the books that reads its rows itself."""

    @abstractmethod
    def violations(self) -> Iterator[Violation]: ...


C = TypeVar("C", bound=Progress)


class Finding(Generic[C]):
    """The violations that a check yields, of which at most so many are listed. It is `broken` where
    damage stopped it."""

    def __init__(self, check: C, most: int) -> None:
        self.check = check
        self.violations: list[Violation] = []
        self.broken = False
        self._most = most

    @property
    def outcome(self) -> CheckResult:
        violations = tuple(self.violations)
        return CheckResult(name=self.check.name, done=self.check.done, violations=violations)

    def add(self, work: Callable[..., Iterable[Violation]], *values: Any) -> None:
        """Add what a check's work yields, unless it has ended; damage that stops it is one."""
        room = self._most - len(self.violations)
        if self.broken or room <= 0:
            return
        try:
            for violation in islice(work(*values), room):
                self.violations.append(violation)
        except (CycledeckError, *DAMAGE) as error:
            self.stop(error)

    def stop(self, error: Exception) -> None:
        """End with what the check met, unless it has ended."""
        if not self.broken and len(self.violations) < self._most:
            self.broken = True
            where, readable = f"after {self.check.done}", "readable rows"
            self.violations.append(Violation.of(self.check.name, where, readable, repr(error)))


class Ahead:
    """Rows in the order of the number in their first column, taken as far as a number at a time."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def upto(self, number: float) -> Iterator[Row]:
        while self._next is not None and self._next[0] <= number:
            row, self._next = self._next, next(self._rows, None)
            yield row


class Batches:
    """Lists of rows in the order of the number in a column, taken as far as a number at a time."""

    def __init__(self, batches: Iterator[list[Row]], column: int) -> None:
        self._batches = batches
        self._number = itemgetter(column)
        self._rows: list[Row] = []

    def upto(self, number: float) -> Iterator[list[Row]]:
        while self._rows or self._read():
            end = bisect_right(self._rows, number, key=self._number)
            rows, self._rows = self._rows[:end], self._rows[end:]
            if rows:
                yield rows
            if self._rows:
                return

    def _read(self) -> bool:
        self._rows = next(self._batches, [])
        return bool(self._rows)
