"""Ledgers in which one of everything happened, made by real engines.

`told`: cycle 1 books 20 fills; 2 books four of ETH; 3 books two more, and is told one fill with
another price and an item nobody can read; 4 to 9 book one each, with orders from 3 on that are
refused from 5 on; 10 replays 3; 11 fetches nothing; 12 is well again.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

from engine import Engine, PlaceOrder, Snapshot
from engine.errors import VenueUnavailable
from engine.trading.strategies import Intent
from engine.venue import Side
from tests.builders import BTC, ETH, Reported, fee, opened, reported, settings_in
from tests.fakes import FakeVenue

# What a terminal, a bidi algorithm or a markup parser would act on.
HOSTILE = "[red]x[/] \x1b]0;pwn\x07 \u202eevil\u200b"
SHOWN = "[red]x[/] \\x1b]0;pwn\\x07 \\u202eevil\\u200b"

NOW_MS = 1_700_000_000_000


def told(db: Path) -> Path:
    """The ledger described above, at `db`."""
    asyncio.run(_told(db))
    return db


async def _told(db: Path) -> None:
    first = [fill(n, "buy" if n % 3 else "sell", f"0.00{n % 7 + 1}", 400 * n) for n in range(20)]
    venue = FakeVenue(first, marks={BTC: "64880.10", ETH: "3141.90"})
    venue.now_ms += 60_000  # No fill is dated ahead of it.
    settings = settings_in(db.parent, db=db, risk={"max_open_orders": 4})
    async with Engine(settings, venue=venue, strategy=Twice(since=3)) as engine:
        await engine.cycle()
        venue.reports += [eth(100 + n, 9_000 + n * 100) for n in range(4)]
        await engine.cycle()
        venue.reports += [fill(200 + n, "buy", "0.004", 12_000 + n * 100) for n in range(2)]
        venue.reports[21] = venue.reports[21] | {"price": "3142.00"}
        venue.reports.append(eth(150, 9_500) | {"amount": "oops", "note": HOSTILE})
        await engine.cycle()
        for n in range(6):
            venue.reports.append(fill(300 + n, "sell", "0.002", 20_000 + n * 500))
            await engine.cycle()
        await engine.replay(3)
        venue.failing["fetch_fills"] = VenueUnavailable(f"503 {HOSTILE}")
        await engine.cycle()
        venue.failing.clear()
        await engine.cycle()


def fill(number: int, side: str, amount: str, after_ms: int) -> Reported:
    price = f"648{number % 80:02d}.{number % 10}"
    fees = [fee(f"0.{number % 9 + 1}59")]
    return reported(
        str(884_000 + number),
        side,
        amount,
        price,
        symbol=BTC,
        timestamp=NOW_MS + after_ms,
        fees=fees,
    )


def eth(number: int, after_ms: int) -> Reported:
    fees = [fee("0.409")]
    return reported(
        str(884_000 + number),
        "sell",
        "0.4",
        "3142.10",
        symbol=ETH,
        timestamp=NOW_MS + after_ms,
        fees=fees,
    )


class Twice:
    """A bid and an ask in every cycle from the `since`-th on."""

    def __init__(self, since: int) -> None:
        self._waits = since - 1

    def __call__(self, snapshot: Snapshot) -> list[Intent]:
        if self._waits:
            self._waits -= 1
            return []
        qty = Decimal("0.01")
        return [
            PlaceOrder(BTC, Side.BUY, qty, Decimal(64850)),
            PlaceOrder(BTC, Side.SELL, qty, Decimal(64910)),
        ]


async def cycles_on(
    db: Path, count: int, served: Callable[[int], list[Reported]] = lambda number: []
) -> None:
    """A ledger of so many cycles; `served` is what the venue says in each, by its number."""
    venue = FakeVenue(marks={BTC: "64880.10"})
    async with Engine(settings_in(db.parent, db=db), venue=venue) as engine:
        for number in range(1, count + 1):
            venue.reports = served(number)
            await engine.cycle()


def lengthened(db: Path, last: int, troubled_every: int = 100) -> None:
    """More cycles in the file, which another engine skipped; some of them with an error."""
    error = {"step": "tx1", "type": "StoreLocked", "message": "was locked", "symbol": None}
    with opened(db) as connection:
        connection.execute(
            """
            WITH RECURSIVE number (n) AS (
                SELECT max(cycle_id) + 1 FROM cycles UNION ALL SELECT n + 1 FROM number WHERE n < ?
            )
            INSERT INTO cycles (
                cycle_id, kind, status, mode, started_ms, venue_ms, ended_ms, marks_json,
                timings_json, errors_json
            )
            SELECT n, iif(n % 7 = 0, 'reconcile', 'live'), 'skipped', 'sim', ? + n * 1000, 0,
                ? + n * 1000 + 5, '{}', '{"fetch": 5.0}', iif(n % ? = 0, ?, '[]')
            FROM number
            """,
            (last, NOW_MS, NOW_MS, troubled_every, json.dumps([error])),
        )


def folded(db: Path, runs: Iterable[tuple[int, int]], first_ms: int) -> None:
    """Cycles from one to another as a run of idle ones, a second apart."""
    with opened(db) as connection:
        for first, last in runs:
            connection.execute("DELETE FROM cycles WHERE cycle_id BETWEEN ? AND ?", (first, last))
            times = (first_ms + cycle_id * 1_000 for cycle_id in (first, last))
            connection.execute(
                "INSERT INTO idle_runs VALUES (?, ?, ?, ?, ?, 0)",
                (first, last, last - first + 1, *times),
            )
