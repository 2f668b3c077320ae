"""Cursors: the times up to which markets' fills are booked without a gap. TX 1 moves them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.ledger.append import Appended
from engine.ledger.fills import Fill
from engine.store.tx import Tx

CURSOR_PREFIX = "fills_cursor:"


@dataclass(frozen=True, slots=True)
class PreparedMarket:
    """The fills of one market that go into TX 1, and the window they were asked for in.

    `since_ms` is where the window begins, `start_ms` where the market's history begins by
    configuration. `held` keeps the cursor where it is: the fills go in, but something in the
    window waits for the operator. `clock_ms` is the venue's clock when it was asked, null for a
    cycle of 0.1.0, which let a fill dated ahead carry the cursor past it.
    """

    symbol: str
    since_ms: int
    start_ms: int
    fills: tuple[Fill, ...]
    held: bool = False
    clock_ms: int | None = None

    @property
    def cursor_key(self) -> str:
        return CURSOR_PREFIX + self.symbol


@dataclass(frozen=True, slots=True)
class CursorChange:
    """A cursor in UTC milliseconds before and after a commit; `before` is null at its start."""

    before: int | None
    after: int


def cursors_json(cursors: Mapping[str, CursorChange]) -> str:
    return json.dumps({key: [change.before, change.after] for key, change in cursors.items()})


def read_cursors(text: str, *, moved: bool = True) -> dict[str, CursorChange]:
    """The cursors of `cursors_json`; where they have not `moved` since, as those left them."""
    changes = json.loads(text).items()
    return {
        key: CursorChange(before if moved else after, after) for key, (before, after) in changes
    }


def unmoved(tx: Tx) -> dict[str, CursorChange]:
    """All cursors, where a commit leaves them."""
    rows = tx.named("cursors_all")
    return {row["key"]: CursorChange(row["value_ms"], row["value_ms"]) for row in rows}


def move_cursors(
    tx: Tx,
    markets: Iterable[PreparedMarket],
    appended: Appended,
    cycle_id: int,
    *,
    has_conflicts: bool = True,
) -> dict[str, CursorChange]:
    """Move each cursor to its latest fill, never back, and only over a window that joins it.

    It stays before a clash that nobody has decided about, and where its market may be another one
    under another name. A correction neither carries nor holds it.
    A fill dated ahead of the venue's clock carries it no further than that clock: what is traded
    until then has yet to come. Where the clock is this machine's own, it can only hold back.
    A window that begins after the cursor (a later cycle replayed on an old backup) leaves a gap
    that nobody has looked at: its fills count, but the cursor stays.
    """
    changes = {}
    values: dict[str, int] = {key: value_ms for key, value_ms, *_ in tx.rows("cursors_all")}
    limits: dict[str, int] = tx.pairs("clash_limits") if has_conflicts else {}
    disputed, refused = appended.disputed_fills, appended.refused
    for market in markets:
        key = market.cursor_key
        before = values.get(key)
        if before is None:
            tx.run("cursor_start", key=key, start_ms=market.start_ms, cycle_id=cycle_id)
        now = market.start_ms if before is None else before
        seen: Iterable[Fill] = market.fills
        if disputed or refused:
            seen = (
                fill
                for fill in market.fills
                if fill.trade_id not in disputed and (fill.trade_id, fill.ts_ms) not in refused
            )
        latest = max((fill.ts_ms for fill in seen), default=now)
        if market.clock_ms is not None:
            latest = min(latest, market.clock_ms)
        if market.symbol in limits:
            latest = min(latest, limits[market.symbol] - 1)
        after = max(now, latest)
        waits = market.held or market.symbol in appended.waiting
        if waits or market.since_ms > now:
            after = now
        if after > now:
            tx.run("cursor_advance", key=key, value_ms=after, cycle_id=cycle_id)
        changes[key] = CursorChange(before=before, after=after)
    return changes
