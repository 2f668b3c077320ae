"""What an engine would have said: results, hello, beats, and the view a console makes of them.

result(7, orders_submitted=0), view(result(1), result(2), link=Link.READING)
"""

from dataclasses import replace
from typing import Any

from console.session.view import ConsoleState, Link
from engine.control.messages import Beat, Hello
from engine.cycles.results import (
    CycleResult,
    CycleStatus,
    EngineState,
    Kind,
    Notice,
    PositionView,
)
from engine.history.summary import LedgerSummary
from engine.ledger.cursors import CursorChange

BTC = "BTC/USDT"
ETH = "ETH/USDT"
SOL = "SOL/USDT"
SYMBOLS = (BTC, ETH, SOL)

# 2026-01-31 12:00:00 UTC: cycle n begins n seconds later.
NOON_MS = 1_769_860_800_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
LOOKBACK_MS = 10 * MINUTE_MS


def result(cycle_id: int, **changes: Any) -> CycleResult:
    """A live cycle in which all went well, `cycle_id` seconds after noon."""
    started_ms = NOON_MS + cycle_id * SECOND_MS
    values: dict[str, Any] = {
        "cycle_id": cycle_id,
        "kind": Kind.LIVE,
        "status": CycleStatus.OK,
        "account": "paper-01",
        "mode": "sim",
        "started_ms": started_ms,
        "ended_ms": started_ms + 41,
        "venue_ms": started_ms,
        "commit_seq": cycle_id,
        "ledger_events_attempted": 48,
        "ledger_events_inserted": 6,
        "ledger_events_ignored": 42,
        "fills_fetched": 24,
        "fills_count": 3,
        "cursors": cursors(started_ms),
        "positions": positions(),
        "positions_digest": f"{cycle_id:064x}",
        "timings_ms": {"fetch": 31.2, "inputs": 1.1, "tx1": 4.1, "execute": 3.9, "tx2": 0.4},
        "orders_submitted": 4,
        "metrics_persisted": True,
        "fills_per_submitted_order": 0.75,
        "avg_time_to_fill": 1.2,
        "slippage_bps_avg": 1.8,
    }
    return CycleResult.model_validate(values | changes)


def failed(cycle_id: int, status: CycleStatus = CycleStatus.FAILED, **changes: Any) -> CycleResult:
    """A cycle that fetched and then committed nothing."""
    values: dict[str, Any] = {
        "status": status,
        "commit_seq": None,
        "ledger_events_attempted": 0,
        "ledger_events_inserted": 0,
        "ledger_events_ignored": 0,
        "fills_fetched": 0,
        "fills_count": 0,
        "cursors": {},
        "positions": {},
        "positions_digest": None,
        "timings_ms": {"fetch": 31.2, "inputs": 1.1, "tx1": 2.0, "tx2": 0.4},
        "orders_submitted": 0,
        "metrics_persisted": False,
        "fills_per_submitted_order": None,
        "avg_time_to_fill": None,
        "slippage_bps_avg": None,
        "errors": (notice("tx1", "StoreLocked", "database is locked"),),
    }
    return result(cycle_id, **(values | changes))


def cursors(started_ms: int) -> dict[str, CursorChange]:
    """BTC and ETH just moved; SOL stands where it was eleven minutes before noon."""
    return {
        f"fills_cursor:{BTC}": moved(started_ms - 700),
        f"fills_cursor:{ETH}": moved(started_ms - 900),
        f"fills_cursor:{SOL}": moved(NOON_MS - 11 * MINUTE_MS, by_ms=0),
    }


def moved(after: int, by_ms: int = 1_000) -> CursorChange:
    return CursorChange(before=after - by_ms, after=after)


def positions() -> dict[str, PositionView]:
    return {
        BTC: position(),
        ETH: position(
            qty="-1.2",
            cost="-3744.66",
            avg_cost="3120.55",
            realized_pnl="12.4",
            net="11.23",
            fees={"BNB": "0.0021", "USDT": "1.17"},
            mark="3141.9",
            unrealized="-25.62",
        ),
        SOL: position(
            qty="0",
            cost="0",
            avg_cost=None,
            realized_pnl="-6.35",
            net="-6.35",
            fees={"SOL": "0.002"},
            mark="151.22",
            unrealized="0",
        ),
    }


def position(**changes: Any) -> PositionView:
    """A long position in BTC that gains."""
    values: dict[str, Any] = {
        "qty": "0.074",
        "cost": "4751.6436",
        "avg_cost": "64211.4",
        "realized_pnl": "31.07",
        "net": "28.16",
        "fees": {"USDT": "2.91"},
        "mark": "64880.1",
        "unrealized": "49.4838",
    }
    return PositionView.model_validate(values | changes)


def notice(step: str, kind: str, message: str, symbol: str | None = None) -> Notice:
    return Notice(step=step, type=kind, message=message, symbol=symbol)


def hello(**changes: Any) -> Hello:
    values: dict[str, Any] = {
        "version": "0.1.0",
        "account": "paper-01",
        "venue": "sim",
        "mode": "sim",
        "strategy": "market-maker",
        "db": "ledger.db",
        "pid": 4242,
        "holder": "host:4242",
        "epoch": 1,
        "started_ms": NOON_MS,
        "interval_ms": SECOND_MS,
        "lookback_ms": LOOKBACK_MS,
        "symbols": SYMBOLS,
        "seed": 7,
    }
    return Hello.model_validate(values | changes)


def beat(now_ms: int = NOON_MS, **changes: Any) -> Beat:
    values: dict[str, Any] = {
        "now_ms": now_ms,
        "state": EngineState.RUNNING,
        "next_cycle_ms": now_ms + 800,
    }
    return Beat.model_validate(values | changes)


def view(*results: CycleResult, **changes: Any) -> ConsoleState:
    """What a console attached to that engine shows after these cycles."""
    newest = max((found.ended_ms for found in results), default=NOON_MS)
    attached = ConsoleState(
        link=Link.ATTACHED,
        account="paper-01",
        hello=hello(),
        beat=beat(newest),
        heard_ms=newest,
        owns_engine=True,
    )
    return replace(attached.with_results(results), **changes)


def books(**changes: Any) -> LedgerSummary:
    """A ledger file that is well and that no engine runs on."""
    values: dict[str, Any] = {
        "ledger": {"ledger_id": "7f3a", "venue": "sim", "trade_ids": "account"},
        "schema_version": 1,
        "sqlite_version": "3.51.3",
        "journal_mode": "wal",
        "database_bytes": 4_096_000,
        "wal_bytes": 65_536,
        "free_bytes": 0,
        "lease_holder": None,
        "lease_epoch": 1,
        "lease_acquired_ms": None,
        "lease_heartbeat_ms": None,
        "last_commit_seq": 1,
        "last_cycle_id": 1,
        "events": 6,
        "fills": 3,
        "positions": positions(),
        "cursors": (),
        "counts": {"cycles_ok": 1},
        "errors": (),
    }
    return LedgerSummary.model_validate(values | changes)
