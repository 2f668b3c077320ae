"""A ledger's summary: as Health shows it and a console starts from, and as `status` prints it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field

from engine.cycles.attention import MarketStatus, market_states
from engine.cycles.results import (
    BalanceView,
    CycleStatus,
    Frozen,
    PositionView,
    balance_views,
    views,
)
from engine.history.growth import LedgerGrowth, read_growth
from engine.ingest.quarantine import held
from engine.ledger.accounting import Position, read_money_json
from engine.ledger.balances import by_asset
from engine.ledger.books import read_books, read_oversold
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.disputes import open_ones, suspected
from engine.ledger.holdings import changes_since
from engine.ledger.identity import Identity
from engine.ledger.periods import closed, corrections
from engine.ledger.positions import named
from engine.ledger.questions import open_questions
from engine.ledger.reporting import AccountLine, adjustments, roundings
from engine.store.lease import LeaseRow
from engine.store.library import VERSION, wal_reset_warning
from engine.store.migrate import current
from engine.store.tx import Tx

# How many of the newest cycles are counted by status, and their errors by type.
RECENT_CYCLES = 1_000


class CursorView(Frozen):
    """A cursor in UTC milliseconds; `moved_ms` is when the cycle that moved it last started."""

    key: str
    symbol: str
    value_ms: int
    start_ms: int
    moved_cycle_id: int
    moved_ms: int | None
    held: bool


class MarketView(Frozen):
    """Why a market, or an asset, is at attention or held, and what helps."""

    status: MarketStatus
    reason: str
    remedy: str


class LedgerSummary(Frozen):
    """The ledger file as it stands now: what Health shows and what a console starts from.

    Sizes in bytes, times in UTC milliseconds. `counts` has conflicts and quarantined items still
    open, cycles by status, orders whose fate is unknown. `lease_holder` is null when nobody runs.
    Marks are those of the newest cycle that had any. `errors` has how often each type of error
    and warning occurred; it and the cycles' counts are of the newest `RECENT_CYCLES`.
    `changes_since` has the wallets whose balances are what changed since a time. `sqlite_warning`
    is of the library that this program runs on, null where it needs none. `growth` is of some
    cycles ago, null where too little is known.
    """

    ledger: dict[str, str]
    schema_version: int
    sqlite_version: str
    journal_mode: str
    database_bytes: int
    wal_bytes: int
    free_bytes: int
    lease_holder: str | None
    lease_epoch: int
    lease_acquired_ms: int | None
    lease_heartbeat_ms: int | None
    last_commit_seq: int
    last_cycle_id: int
    events: int
    fills: int
    positions: dict[str, PositionView]
    balances: dict[str, BalanceView] = Field(default_factory=dict)
    changes_since: dict[str, int] = Field(default_factory=dict)
    cursors: tuple[CursorView, ...]
    counts: dict[str, int]
    errors: tuple[tuple[str, int], ...]
    markets: dict[str, tuple[MarketView, ...]] = Field(default_factory=dict)
    sqlite_warning: str | None = None
    growth: LedgerGrowth | None = None


class ClosedView(Frozen):
    """The period that is closed until a time, in UTC milliseconds, by a decision; what was booked
    since with a time in it corrects a prior period."""

    until_ms: int
    decision: int
    corrections: int
    first_corrections: tuple[str, ...]


class LedgerStatus(Frozen):
    """The ledger as `status` prints it. Balances are by asset, zeros left out: what the ledger's
    events moved; of the wallets in `changes_since`, what changed since a time. Some are `oversold`.
    `rounding` is by how much, by asset, trades moved otherwise than they compute to. Of each market
    or asset that is not ok, `markets` says why. Times in UTC milliseconds; `lease` is null when
    nobody runs, `counts` has the rows of each table; `growth` is null where too little is known."""

    ledger: dict[str, str]
    positions: dict[str, PositionView]
    balances: dict[str, str]
    changes_since: dict[str, int]
    oversold: tuple[str, ...]
    rounding: dict[str, str]
    adjustments: tuple[AccountLine, ...]
    cursors: dict[str, int]
    held: tuple[str, ...]
    markets: dict[str, tuple[MarketView, ...]]
    closed: ClosedView | None
    lease: dict[str, Any] | None
    last_cycle: dict[str, Any] | None
    counts: dict[str, int]
    sqlite_version: str = VERSION
    sqlite_warning: str | None = None
    growth: LedgerGrowth | None = None


@dataclass(frozen=True, slots=True)
class SummaryReader:
    """The summary of a ledger, on a snapshot of it."""

    tx: Tx

    def summary(self, wal_bytes: int, earlier: LedgerSummary | None = None) -> LedgerSummary:
        """Read the whole summary. An `earlier` one of the same file saves counting its fills."""
        tx, lease = self.tx, LeaseRow.read(self.tx)
        recent = tx.rows("history_recent", limit=RECENT_CYCLES)
        marks = next((row[1] for row in recent if row[1] != "{}"), "{}")
        [(database_bytes, free_bytes)] = tx.rows("history_bytes")
        last_commit_seq = tx.value("commit_last") or 0
        positions, balances = read_books(tx)
        oversold = read_oversold(tx, positions, balances)
        return LedgerSummary(
            ledger=Identity.stored(tx),
            schema_version=current(tx),
            sqlite_version=VERSION,
            journal_mode=tx.value("history_journal_mode"),
            database_bytes=database_bytes,
            wal_bytes=wal_bytes,
            free_bytes=free_bytes,
            lease_holder=lease.holder,
            lease_epoch=lease.epoch,
            lease_acquired_ms=lease.acquired_ms,
            lease_heartbeat_ms=lease.heartbeat_ms,
            last_commit_seq=last_commit_seq,
            last_cycle_id=tx.value("history_last_cycle"),
            events=tx.value("last_seq"),
            fills=self._fills(last_commit_seq, earlier),
            positions=views(named(positions), read_money_json(marks), oversold),
            balances=balance_views(balances, oversold),
            changes_since=changes_since(tx),
            cursors=self._cursors(),
            counts=self._counts(row[0] for row in recent),
            errors=_frequencies(text for row in recent for text in row[2:]),
            markets=self._markets(positions),
            sqlite_warning=wal_reset_warning(),
            growth=self._growth(earlier),
        )

    def status(self) -> LedgerStatus:
        tx, lease = self.tx, LeaseRow.read(self.tx)
        positions, balances = read_books(tx)
        holding = held(tx) | suspected(tx).keys()
        oversold = read_oversold(tx, positions, balances)
        negative = balance_views(balances, oversold)
        return LedgerStatus(
            ledger=Identity.stored(tx),
            positions=views(named(positions), {}, oversold),
            balances=by_asset(balances),
            changes_since=changes_since(tx),
            oversold=tuple(name for name, balance in negative.items() if balance.oversold),
            rounding=by_asset(roundings(tx, positions)),
            adjustments=adjustments(tx),
            cursors={row["key"]: row["value_ms"] for row in tx.named("cursors_all")},
            held=tuple(sorted(holding)),
            markets=self._markets(positions),
            closed=self._closed(),
            lease=None if lease.holder is None else asdict(lease),
            last_cycle=self._last_cycle(),
            counts={name: tx.count(name) for name in tx.column("tables_all")},
            sqlite_warning=wal_reset_warning(),
            growth=read_growth(tx),
        )

    def _markets(self, positions: Iterable[Position]) -> dict[str, tuple[MarketView, ...]]:
        tx, markets = self.tx, dict[str, tuple[MarketView, ...]]()
        for state in market_states(positions, open_ones(tx), open_questions(tx), held(tx)):
            view = MarketView(status=state.status, reason=state.reason, remedy=state.remedy)
            markets[state.symbol] = (*markets.get(state.symbol, ()), view)
        return dict(sorted(markets.items()))

    def _closed(self) -> ClosedView | None:
        period = closed(self.tx)
        if period is None:
            return None
        count, events = corrections(self.tx, period)
        return ClosedView(
            until_ms=period.until_ms,
            decision=period.commit_seq,
            corrections=count,
            first_corrections=tuple(event.event_id for event in events),
        )

    def _growth(self, earlier: LedgerSummary | None) -> LedgerGrowth | None:
        """A rate is no other a few cycles later."""
        last: int = self.tx.value("history_last_cycle")
        if earlier is not None and earlier.last_cycle_id // 20 == last // 20:
            return earlier.growth
        return read_growth(self.tx)

    def _fills(self, last_commit_seq: int, earlier: LedgerSummary | None) -> int:
        """The exact number takes counting, which takes longer the more fills there are; the
        commits since an earlier count do not."""
        if earlier is None or last_commit_seq < earlier.last_commit_seq:
            return int(self.tx.value("history_fills"))
        since: int = self.tx.value("history_fills_since", commit_seq=earlier.last_commit_seq)
        return earlier.fills + since

    def _cursors(self) -> tuple[CursorView, ...]:
        holding = held(self.tx) | suspected(self.tx).keys()
        return tuple(
            CursorView(**row, symbol=symbol, held=symbol in holding)
            for row in self.tx.named("history_cursors")
            for symbol in [row["key"].removeprefix(CURSOR_PREFIX)]
        )

    def _counts(self, statuses: Iterable[str]) -> dict[str, int]:
        [counts] = self.tx.named("history_counts")
        by_status = dict.fromkeys(map(str, CycleStatus), 0) | Counter(statuses)
        return counts | {f"cycles_{status}": number for status, number in by_status.items()}

    def _last_cycle(self) -> dict[str, Any] | None:
        cycle = self.tx.record("cycle_last")
        if cycle is None:
            return None
        for name in [name for name in cycle if name.endswith("_json")]:
            cycle[name.removesuffix("_json")] = json.loads(cycle.pop(name))
        return cycle


def _frequencies(notices_json: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Each type of notice and how often it occurred, the most frequent first."""
    counts = Counter(
        notice["type"] for text in notices_json if text != "[]" for notice in json.loads(text)
    )
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
