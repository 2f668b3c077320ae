"""What a check is made of, and what it yields."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.store.tx import Tx

Report = Callable[[str, int], None]
EVERY = 1_000


class Violation(BaseModel):
    """One thing that is not as it has to be, and where."""

    model_config = ConfigDict(frozen=True)

    table: str
    key: str
    expected: str
    found: str


@dataclass(slots=True)
class Count:
    """How much a check has looked at; tells `report` now and then."""

    name: str
    report: Report
    done: int = 0

    def add(self, more: int = 1) -> None:
        self.done += more
        if self.done % EVERY < more:
            self.report(self.name, self.done)


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    run: Callable[[Tx, Count], Iterator[Violation]] = field(repr=False)


class Ahead:
    """Rows in the order of the number in their first column, taken as far as a number at a time."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def upto(self, number: float) -> Iterator[tuple[Any, ...]]:
        while self._next is not None and self._next[0] <= number:
            row, self._next = self._next, next(self._rows, None)
            yield row


def violation(table: str, key: object, expected: object, found: object) -> Violation:
    return Violation(table=table, key=str(key), expected=str(expected), found=str(found))


def differing(
    table: str, key: object, expected: Mapping[str, Any], row: Mapping[str, Any]
) -> Iterator[Violation]:
    """A violation for each column of a row that is not as expected."""
    for column, value in expected.items():
        if value != row[column]:
            yield violation(table, f"{key}.{column}", value, row[column])
