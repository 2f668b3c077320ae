"""Evidence: what the venue said in a cycle, as received, which replays run on.

Cycles ask again for what they have seen, so each item is stored once a day; a cycle's responses are
runs of item numbers.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice

from engine.clock import DAY_MS
from engine.ingest.paging import Request, VenueResponse
from engine.ledger.terms import Terms
from engine.runs import runs_of
from engine.store.tx import Tx
from engine.text import storable


def keep(
    tx: Tx,
    cycle_id: int,
    started_ms: int,
    responses: Iterable[VenueResponse],
) -> None:
    day = started_ms // DAY_MS
    for response in responses:
        request = response.request
        items = [storable(item) for page in response.pages for item in page]
        numbers = _keep_items(tx, request.symbol, day, items)
        remaining = iter(numbers)
        pages = [runs_of(islice(remaining, len(page))) for page in response.pages]
        tx.run(
            "inputs_keep",
            cycle_id=cycle_id,
            symbol=request.symbol,
            day=day,
            since_ms=request.since_ms,
            start_ms=request.start_ms,
            latest_ms=response.latest_ms,
            complete=response.error is None,
            items=len(numbers),
            error=response.error,
            pages_json=json.dumps(pages, separators=(",", ":")),
            terms_json=response.terms.text,
        )


def expire(tx: Tx, before_ms: int) -> None:
    """Drop the oldest evidence, a part at a time, of days that ended before `before_ms`."""
    day = before_ms // DAY_MS
    tx.run("inputs_expire", day=day)
    tx.run("items_expire", day=day)


def load(tx: Tx, cycle_id: int, *, incomplete: bool = False) -> list[VenueResponse]:
    """A cycle's complete responses as received, or all of them with the `incomplete` ones.

    None where any of them has expired.
    """
    responses = []
    for row in tx.named("inputs_of_cycle", cycle_id=cycle_id):
        if not (row["complete"] or incomplete):
            continue
        request = Request(row["symbol"], row["since_ms"], row["start_ms"])
        runs_of_pages = json.loads(row["pages_json"])
        pages = tuple(tuple(_items(tx, request.symbol, runs)) for runs in runs_of_pages)
        if sum(map(len, pages)) != row["items"]:
            return []
        terms = Terms.of(row["terms_json"])
        responses.append(VenueResponse(request, row["latest_ms"], pages, row["error"], terms))
    return responses


def clock_of(tx: Tx, cycle_id: int) -> int | None:
    """The venue's clock in a cycle, in UTC milliseconds."""
    clock_ms: int | None = tx.value("cycle_clock", cycle_id=cycle_id)
    return clock_ms


def original_of(tx: Tx, cycle_id: int) -> int:
    """The cycle whose inputs a replay runs on: of a replay, the one it replayed."""
    return tx.value("cycle_replay_of", cycle_id=cycle_id) or cycle_id


def _keep_items(tx: Tx, symbol: str, day: int, items: Sequence[str]) -> list[int]:
    """The items' numbers, in the order given; what the day has not seen yet is stored."""
    digests = [blake2b(item.encode(), digest_size=16).hexdigest() for item in items]
    numbers: dict[str, int] = tx.pairs(
        "items_known", symbol=symbol, day=day, digests=json.dumps(digests)
    )
    last: int = tx.value("items_last", symbol=symbol)
    new = []
    for digest, item in zip(digests, items, strict=True):
        if digest not in numbers:
            last += 1
            numbers[digest] = last
            new.append((symbol, last, day, digest, item))
    tx.run_many("items_keep", new)
    return [numbers[digest] for digest in digests]


def _items(tx: Tx, symbol: str, runs: Iterable[Sequence[int]]) -> Iterator[str]:
    for first, last in runs:
        yield from tx.column("items_run", symbol=symbol, first=first, last=last)
