"""Evidence: what the venue said in a cycle, as received, which replays run on.

Cycles ask again for what they have seen, so each item is stored once a day; a cycle's responses are
runs of item numbers.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice

from engine.clock import DAY_MS
from engine.ingest.paging import Request, VenueResponse
from engine.store.statements import SQL
from engine.text import storable


def keep(
    connection: sqlite3.Connection,
    cycle_id: int,
    started_ms: int,
    responses: Iterable[VenueResponse],
) -> None:
    day = started_ms // DAY_MS
    for response in responses:
        request = response.request
        items = [storable(item) for page in response.pages for item in page]
        numbers = _keep_items(connection, request.symbol, day, items)
        remaining = iter(numbers)
        pages = [_runs(islice(remaining, len(page))) for page in response.pages]
        row = (
            cycle_id,
            request.symbol,
            day,
            request.since_ms,
            request.start_ms,
            response.latest_ms,
            response.error is None,
            len(numbers),
            response.error,
            json.dumps(pages, separators=(",", ":")),
        )
        connection.execute(SQL["inputs_keep"], row).fetchall()


def expire(connection: sqlite3.Connection, before_ms: int) -> None:
    """Drop the oldest evidence, a part at a time, of days that ended before `before_ms`."""
    day = before_ms // DAY_MS
    connection.execute(SQL["inputs_expire"], {"day": day}).fetchall()
    connection.execute(SQL["items_expire"], {"day": day}).fetchall()


def load(
    connection: sqlite3.Connection, cycle_id: int, *, incomplete: bool = False
) -> list[VenueResponse]:
    """A cycle's complete responses as received, or all of them with the `incomplete` ones.

    None where any of them has expired.
    """
    responses = []
    for row in connection.execute(SQL["inputs_of_cycle"], (cycle_id,)).fetchall():
        symbol, since_ms, start_ms, latest_ms, complete, items, error, pages_json = row
        if not (complete or incomplete):
            continue
        pages = tuple(tuple(_items(connection, symbol, runs)) for runs in json.loads(pages_json))
        if sum(map(len, pages)) != items:
            return []
        request = Request(symbol, since_ms, start_ms)
        responses.append(VenueResponse(request, latest_ms, pages, error))
    return responses


def original_of(connection: sqlite3.Connection, cycle_id: int) -> int:
    """The cycle whose inputs a replay runs on: of a replay, the one it replayed."""
    rows = connection.execute(SQL["cycle_replay_of"], (cycle_id,)).fetchall()
    return rows[0][0] if rows and rows[0][0] is not None else cycle_id


def _keep_items(
    connection: sqlite3.Connection, symbol: str, day: int, items: Sequence[str]
) -> list[int]:
    """The items' numbers, in the order given; what the day has not seen yet is stored."""
    digests = [blake2b(item.encode(), digest_size=16).hexdigest() for item in items]
    wanted = {"symbol": symbol, "day": day, "digests": json.dumps(digests)}
    numbers: dict[str, int] = dict(connection.execute(SQL["items_known"], wanted).fetchall())
    last: int = connection.execute(SQL["items_last"], (symbol,)).fetchall()[0][0]
    for digest, item in zip(digests, items, strict=True):
        if digest not in numbers:
            last += 1
            numbers[digest] = last
            row = (symbol, last, day, digest, item)
            connection.execute(SQL["items_keep"], row).fetchall()
    return [numbers[digest] for digest in digests]


def _runs(numbers: Iterable[int]) -> list[list[int]]:
    """`[4, 5, 6, 9]` as `[[4, 6], [9, 9]]`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def _items(
    connection: sqlite3.Connection, symbol: str, runs: Iterable[Sequence[int]]
) -> Iterator[str]:
    for run in runs:
        for (raw,) in connection.execute(SQL["items_run"], (symbol, *run)):
            yield raw
