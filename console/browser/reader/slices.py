"""A whole table in slices: each a short read, so that no log of a live ledger is held back."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import EVERYTHING, KeySpace
from console.browser.reader.sql_builder import Sql
from console.browser.reader.wire import Values

FIRST, LARGEST = 2_000, 200_000
SHORT, LONG = 0.03, 0.1


class Slice(NamedTuple):
    """Rows between two keys: the condition for them, the last key, how many there are."""

    where: Sql
    end: Values
    rows: int


def slices(
    job: Job, space: KeySpace, key: Values | None, forward: bool, inclusive: bool = False
) -> Iterator[Slice]:
    """Slices from a key (None: from the first row) to the end, also to one that moves meanwhile.
    The caller works on each before it takes the next; how long that takes sets their size."""
    size = FIRST
    while True:
        job.check()
        began = time.monotonic()
        found = _next(job, space, space.from_here(key, forward, inclusive), forward, size)
        if found is None:
            return
        yield found
        key, inclusive = found.end, False
        size = _resized(size, time.monotonic() - began)


def _next(job: Job, space: KeySpace, here: Sql, forward: bool, size: int) -> Slice | None:
    connection = job.connection
    end, rows = space.key(connection, here, forward, skip=size - 1), size
    if end is None:
        rows = space.count(connection, here, size)
        end = space.key(connection, EVERYTHING, not forward) if rows else None
    if end is None:
        return None
    limit = space.from_here(end, not forward, inclusive=True)
    return Slice(here.also(limit), end, rows)


def _resized(size: int, seconds: float) -> int:
    if seconds < SHORT:
        return min(2 * size, LARGEST)
    return max(size // 2, FIRST) if seconds > LONG else size
