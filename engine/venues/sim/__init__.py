"""A small deterministic exchange: a venue to run, to demonstrate and to break the engine with."""

from engine.venues.sim.mischief import Mischief
from engine.venues.sim.settings import SimSettings
from engine.venues.sim.venue import SimVenue

__all__ = ["Mischief", "SimSettings", "SimVenue"]
