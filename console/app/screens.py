"""The screens of a ledger's console: a mode each. A new one is a line here."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class ModeScreen:
    """A screen by its key. `source` is where its class is, as `module:Class`: it is imported when
    its mode is chosen for the first time, for all of them would delay the first frame."""

    mode: str
    key: str
    title: str
    source: str

    def create(self) -> Screen[Any]:
        module, _, name = self.source.partition(":")
        screen: Screen[Any] = getattr(import_module(module), name)()
        return screen


SCREENS = (
    ModeScreen("watch", "1", "Watch", "console.screens.watch.watch:WatchScreen"),
    ModeScreen("cycles", "2", "Cycles", "console.screens.cycles.cycles:CyclesScreen"),
    ModeScreen("tables", "3", "Tables", "console.screens.tables.tables:LedgerTablesScreen"),
    ModeScreen("health", "4", "Health", "console.screens.health.health:HealthScreen"),
)
