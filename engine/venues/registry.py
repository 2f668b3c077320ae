"""The kinds of venue that cycledeck ships: one row each.

A row names its class as text, for the classes are made of what is here.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar, cast

from engine.sections import Section
from engine.venue import Venue

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class VenueSetup(Generic[S]):
    """The settings that a venue is made of: its kind's section, and those all kinds share.

    `argument` is what follows the kind's name and a colon, as the path of a recorded file.
    """

    section: S
    argument: str
    db: Path
    page_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class VenueKind:
    """A kind of venue. Its name is that of its settings' section, and pinned in its ledgers.

    `home` names the class, which has a `from_setup`; `argument` the kind's argument, if it takes
    one. Where the kind `shares_unreadable` items, an item that names no readable market is served
    to every market: it is one item, and one decision of the operator's settles it.
    """

    name: str
    home: str
    argument: str = ""
    shares_unreadable: bool = False

    @property
    def form(self) -> str:
        """How the settings name a venue of this kind."""
        return f"{self.name}:{self.argument}" if self.argument else self.name

    def make(self, setup: VenueSetup[S]) -> Venue:
        module, _, name = self.home.partition(":")
        return cast("Venue", getattr(import_module(module), name).from_setup(setup))


KINDS = (
    VenueKind("sim", "engine.venues.sim.venue:SimVenue"),
    VenueKind(
        "recorded", "engine.venues.recorded:RecordedVenue", argument="PATH", shares_unreadable=True
    ),
)
# How settings name a venue, for help and messages.
FORMS = tuple(kind.form for kind in KINDS)


def parse(venue: str) -> tuple[VenueKind, str]:
    """The kind of a venue as the settings name it, and its argument.

    Raises `ValueError` with the forms that are accepted.
    """
    name, _, argument = venue.partition(":")
    for kind in KINDS:
        if kind.name == name and bool(kind.argument) == bool(argument):
            return kind, argument
    raise ValueError(f"a venue is {' or '.join(FORMS)}")


def shares_unreadable(name: str) -> bool:
    """Whether ledgers of this kind of venue have one item for all markets that it was served to."""
    return any(kind.name == name and kind.shares_unreadable for kind in KINDS)
