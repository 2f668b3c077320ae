"""What a cycle reports: one frozen value, the same for feed, command line and console."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from engine.cycles.attention import KINDS, OVERSOLD
from engine.ledger.accounting import Position, unrealized
from engine.ledger.balances import BalanceKey, Balances, by_asset
from engine.ledger.cursors import CursorChange
from engine.money import canonical


class Kind(StrEnum):
    """`reconcile` looks back further than `live`; `replay` runs on recorded inputs; a `decision` is
    the operator's, and fetches nothing."""

    LIVE = "live"
    RECONCILE = "reconcile"
    REPLAY = "replay"
    DECISION = "decision"


class CycleStatus(StrEnum):
    """`ok`, `attention`, `held` and `partial` are committed: with markets at attention, or held,
    or `partial` with something left out or gone wrong.

    `skipped`: the database was locked by another process. `fenced`: another engine took over.
    `interrupted`: the engine ended in between (`partial` where that was after the commit).
    """

    RUNNING = "running"
    OK = "ok"
    ATTENTION = "attention"
    HELD = "held"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    FENCED = "fenced"
    INTERRUPTED = "interrupted"


class Verdict(StrEnum):
    """What a replay found: nothing new, events that were missing, or a contradiction."""

    CLEAN = "clean"
    RECOVERED = "recovered"
    CONFLICT = "conflict"


class Frozen(BaseModel):
    """A value that is read and never changed."""

    model_config = ConfigDict(frozen=True)


class Notice(Frozen):
    """Something that went wrong (errors) or needs a look (warnings), and where."""

    step: str
    type: str
    message: str
    symbol: str | None = None


class PositionView(Frozen):
    """A position for reading: money as canonical text, in units of `money`, but average cost and
    mark in quote units. Of `fees_unknown` fills not all fees are named: `net` is no figure then.
    `funding` is beside `realized_pnl` and in no other figure.
    """

    qty: str
    cost: str
    avg_cost: str | None
    realized_pnl: str
    net: str
    fees: dict[str, str]
    mark: str | None = None
    unrealized: str | None = None
    oversold: bool = False
    fees_unknown: int = 0
    money: str = ""
    inverse: bool = False
    funding: str = "0"

    @classmethod
    def of(
        cls, position: Position, mark: Decimal | None = None, *, oversold: bool = False
    ) -> "PositionView":
        average = position.avg_cost
        gain = None if mark is None else position.unrealized(mark)
        return cls(
            qty=canonical(position.qty),
            cost=canonical(position.cost),
            avg_cost=None if average is None else canonical(average),
            realized_pnl=canonical(position.realized_pnl),
            net=canonical(position.net),
            fees={name: canonical(fee) for name, fee in sorted(position.fees.items())},
            mark=None if mark is None else canonical(mark),
            unrealized=None if gain is None else canonical(gain),
            oversold=oversold or position.oversold,
            fees_unknown=position.fees_unknown,
            money=position.market.money,
            inverse=position.market.is_inverse,
            funding=canonical(position.funding),
        )

    def at(self, mark: str) -> "PositionView":
        """The same position at another mark."""
        gain = unrealized(Decimal(self.qty), Decimal(self.cost), Decimal(mark), self.inverse)
        shown = None if gain is None else canonical(gain)
        return self.model_copy(update={"mark": mark, "unrealized": shown})


class BalanceView(Frozen):
    """A balance for reading: canonical text. `oversold` where more is gone than there was."""

    amount: str
    oversold: bool = False


class CycleResult(Frozen):
    """One cycle, finished. Times in UTC milliseconds of this machine, `venue_ms` of the venue.

    attempted = inserted + ignored + conflicting, always. `commit_seq` is null where nothing was
    committed: cursors and positions are then unchanged, for there was `nothing_to_commit`, which is
    as good as a commit, or because it failed.
    """

    cycle_id: int
    kind: Kind
    status: CycleStatus
    account: str
    mode: str
    started_ms: int
    ended_ms: int
    venue_ms: int
    commit_seq: int | None = None
    nothing_to_commit: bool = False
    replay_of: int | None = None
    verdict: Verdict | None = None
    ledger_events_attempted: int = 0
    ledger_events_inserted: int = 0
    ledger_events_ignored: int = 0
    ledger_events_conflicting: int = 0
    fills_fetched: int = 0
    fills_count: int = 0
    cursors: dict[str, CursorChange] = {}
    positions: dict[str, PositionView] = {}
    balances: dict[str, BalanceView] = {}
    positions_digest: str | None = None
    held: tuple[str, ...] = ()
    timings_ms: dict[str, float] = {}
    orders_submitted: int = 0
    orders_canceled: int = 0
    orders_refused: int = 0
    rejects_count: int = 0
    metrics_persisted: bool = False
    fills_per_submitted_order: float | None = None
    avg_time_to_fill: float | None = None
    slippage_bps_avg: float | None = None
    errors: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()

    @property
    def committed(self) -> bool:
        return self.commit_seq is not None or self.nothing_to_commit

    @property
    def attention(self) -> tuple[str, ...]:
        """The markets, and assets, at attention. A balance is not that keeps on being oversold, and
        so is not where that begins."""
        notices = (entry for entry in self.warnings if entry.type in KINDS)
        symbols = {entry.symbol for entry in notices if entry.message != OVERSOLD}
        return tuple(sorted(symbol for symbol in symbols if symbol is not None))


def views(
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    oversold: Collection[BalanceKey] = (),
) -> dict[str, PositionView]:
    """Positions for reading, by name."""
    return {
        name: PositionView.of(
            position, marks.get(position.symbol), oversold=is_oversold(position, oversold)
        )
        for name, position in positions.items()
    }


def is_oversold(position: Position, oversold: Collection[BalanceKey]) -> bool:
    """Whether a spot position has its share in a balance of which more is gone than there was."""
    base = BalanceKey(position.wallet, position.market.base)
    return position.qty < 0 and not position.market.is_contract and base in oversold


def balance_views(balances: Balances, oversold: Collection[BalanceKey]) -> dict[str, BalanceView]:
    """Balances for reading, by asset, and by wallet where there are several; zeros left out."""
    several = len({key.wallet for key in balances}) > 1
    names = {key.named(several) for key in oversold}
    return {
        name: BalanceView(amount=amount, oversold=name in names)
        for name, amount in by_asset(balances).items()
    }


def notice(step: str, error: BaseException, symbol: str | None = None) -> Notice:
    return Notice(step=step, type=type(error).__name__, message=str(error), symbol=symbol)


def as_json(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


class EngineState(StrEnum):
    """`running` includes the wait for the next cycle; `stopping` ends after the running one."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


class Logged(Frozen):
    """One log message: its event name, and the rest of it as text by key."""

    type: Literal["log"] = "log"
    ts_ms: int
    level: str
    event: str
    detail: dict[str, str] = {}


class Preview(Frozen):
    """The effect of a replay, or a decision, on today's ledger. Nothing was changed; of a
    decision that was made, `commit_seq` is its number. `items` is how many items in quarantine
    the decision is about; `remarks` are worth a look before it is made."""

    cycle_id: int
    commit_seq: int | None = None
    items: int = 0
    attempted: int
    inserted: int
    ignored: int
    conflicting: int
    cursors: dict[str, CursorChange] = {}
    positions_before: dict[str, PositionView] = {}
    positions_after: dict[str, PositionView] = {}
    balances_before: dict[str, str] = {}
    balances_after: dict[str, str] = {}
    digest_before: str
    digest_after: str
    remarks: tuple[str, ...] = ()
