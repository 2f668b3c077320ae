"""The headless engine: cycles in which every fill counts exactly once.

async with Engine(Settings(venue="sim")) as engine:
    result = await engine.cycle()
"""

from importlib.metadata import version

__version__ = version("cycledeck")

from engine.engine import Engine, rehearse_cycle, replay_cycle
from engine.errors import CycledeckError
from engine.results import CycleResult, Kind, Notice, PositionView, Status, Verdict
from engine.settings import Settings, load_settings
from engine.strategies import Cancel, Place, Snapshot, Strategy
from engine.venue import Mode, OrderRequest, Page, TradeIds, Venue, VenueOrder

__all__ = [
    "Cancel",
    "CycleResult",
    "CycledeckError",
    "Engine",
    "Kind",
    "Mode",
    "Notice",
    "OrderRequest",
    "Page",
    "Place",
    "PositionView",
    "Settings",
    "Snapshot",
    "Status",
    "Strategy",
    "TradeIds",
    "Venue",
    "VenueOrder",
    "Verdict",
    "load_settings",
    "rehearse_cycle",
    "replay_cycle",
]
