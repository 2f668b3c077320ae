"""The headless engine: cycles in which every fill counts exactly once.

async with Engine(Settings(venue="sim")) as engine:
    result = await engine.cycle()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.checks.verify import Verification, Violation
    from engine.control.client import EngineClient
    from engine.control.messages import Action, Beat, Hello, Published, Push, Reply
    from engine.csv_rows import csv_writer
    from engine.cycles.idle import IdleRun
    from engine.cycles.results import (
        BalanceView,
        CycleResult,
        CycleStatus,
        EngineState,
        Kind,
        Logged,
        Notice,
        PositionView,
        Preview,
        Verdict,
    )
    from engine.engine import Engine, rehearse_cycle, replay_cycle
    from engine.errors import (
        ChannelClosed,
        ChannelError,
        CycledeckError,
        LeaseHeld,
        LeftoverLog,
        NoSuchCycle,
        SchemaTooNew,
        SettingsError,
        StoreCorrupt,
        StoreError,
        StoreLocked,
        StoreReplaced,
    )
    from engine.history.evidence import MarketEvidence
    from engine.history.explain import Explanation, FoldStep
    from engine.history.history import History
    from engine.history.outcomes import EventOutcome
    from engine.history.results_reader import CycleFilter
    from engine.history.summary import CursorView, LedgerSummary, MarketView
    from engine.history.xray import FillLine, OrderLine, Xray
    from engine.ledger.cursors import CursorChange
    from engine.ledger.reporting import AccountLine
    from engine.settings import Settings, load_settings
    from engine.store.ledger_lock import check_name
    from engine.store.leftover_log import check_log
    from engine.text import printable
    from engine.trading.strategies import CancelOrder, PlaceOrder, Snapshot, Strategy
    from engine.venue import LimitOrder, Mode, Page, TradeIds, Venue, VenueOrder

# Where each public name is. A console is on the screen before it needs most of them, and what a
# program does not use it does not wait for.
_HOME = {
    "control.client": ("EngineClient",),
    "engine": ("Engine", "rehearse_cycle", "replay_cycle"),
    "errors": (
        "ChannelClosed",
        "ChannelError",
        "CycledeckError",
        "LeaseHeld",
        "LeftoverLog",
        "NoSuchCycle",
        "SchemaTooNew",
        "SettingsError",
        "StoreCorrupt",
        "StoreError",
        "StoreLocked",
        "StoreReplaced",
    ),
    "history.explain": ("Explanation", "FoldStep"),
    "history.evidence": ("MarketEvidence",),
    "history.history": ("History",),
    "history.outcomes": ("EventOutcome",),
    "history.results_reader": ("CycleFilter",),
    "history.summary": ("CursorView", "LedgerSummary", "MarketView"),
    "history.xray": ("FillLine", "OrderLine", "Xray"),
    "control.messages": (
        "Action",
        "Beat",
        "Hello",
        "Published",
        "Push",
        "Reply",
    ),
    "cycles.idle": ("IdleRun",),
    "cycles.results": (
        "BalanceView",
        "CycleResult",
        "EngineState",
        "Kind",
        "Logged",
        "Notice",
        "PositionView",
        "Preview",
        "CycleStatus",
        "Verdict",
    ),
    "ledger.cursors": ("CursorChange",),
    "ledger.reporting": ("AccountLine",),
    "settings": ("Settings", "load_settings"),
    "store.ledger_lock": ("check_name",),
    "store.leftover_log": ("check_log",),
    "trading.strategies": ("CancelOrder", "PlaceOrder", "Snapshot", "Strategy"),
    "csv_rows": ("csv_writer",),
    "text": ("printable",),
    "venue": ("LimitOrder", "Mode", "Page", "TradeIds", "Venue", "VenueOrder"),
    "checks.verify": ("Verification", "Violation"),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}

# What names were called until 0.2; kept through 0.3.
_RENAMED = {
    "Books": "LedgerSummary",
    "Cancel": "CancelOrder",
    "OrderRequest": "LimitOrder",
    "Place": "PlaceOrder",
    "Status": "CycleStatus",
    "WindowLine": "MarketEvidence",
}

__all__ = [
    "AccountLine",
    "Action",
    "BalanceView",
    "Beat",
    "CancelOrder",
    "ChannelClosed",
    "ChannelError",
    "CursorChange",
    "CursorView",
    "CycleFilter",
    "CycleResult",
    "CycleStatus",
    "CycledeckError",
    "Engine",
    "EngineClient",
    "EngineState",
    "EventOutcome",
    "Explanation",
    "FillLine",
    "FoldStep",
    "Hello",
    "History",
    "IdleRun",
    "Kind",
    "LeaseHeld",
    "LedgerSummary",
    "LeftoverLog",
    "LimitOrder",
    "Logged",
    "MarketEvidence",
    "MarketView",
    "Mode",
    "NoSuchCycle",
    "Notice",
    "OrderLine",
    "Page",
    "PlaceOrder",
    "PositionView",
    "Preview",
    "Published",
    "Push",
    "Reply",
    "SchemaTooNew",
    "Settings",
    "SettingsError",
    "Snapshot",
    "StoreCorrupt",
    "StoreError",
    "StoreLocked",
    "StoreReplaced",
    "Strategy",
    "TradeIds",
    "Venue",
    "VenueOrder",
    "Verdict",
    "Verification",
    "Violation",
    "Xray",
    "check_log",
    "check_name",
    "csv_writer",
    "load_settings",
    "printable",
    "rehearse_cycle",
    "replay_cycle",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("engine.version").__version__
    if name in _RENAMED:
        message = f"engine.{name} is called engine.{_RENAMED[name]} now; the old name goes with 0.4"
        import_module("warnings").warn(message, DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"engine.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
