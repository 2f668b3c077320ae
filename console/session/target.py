"""The ledger that a console is opened on, by its flags; the engine takes the same ones."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from console.kit.subprocesses import PYTHON

if TYPE_CHECKING:
    from engine import Settings


# What names a ledger; the other flags are for its engine.
LEDGER = ("db",)


@dataclass(frozen=True, slots=True)
class Target:
    """`flags` are the settings given by hand, by their names in the settings file."""

    config: Path | None = None
    flags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Path | None, **flags: object) -> "Target":
        """The target of a command's options, as far as they are given."""
        return cls(config, {name: str(flag) for name, flag in flags.items() if flag is not None})

    def load(self) -> "Settings":
        """The settings of file, environment and flags. Raises `SettingsError`."""
        from engine import load_settings

        return load_settings(self.config, self.flags)

    def command(self, *arguments: str, only: tuple[str, ...] | None = None) -> list[str]:
        """The command line of an engine command on the same target, with all flags or `only`."""
        return [*PYTHON, "engine.cli", *arguments, *self._flags(only)]

    def typed(self, command: str, *, only: tuple[str, ...] | None = None) -> str:
        """The command line as an operator types it."""
        return shlex.join(["cycledeck", command, *self._flags(only)])

    def _flags(self, only: tuple[str, ...] | None) -> list[str]:
        flags = ["--config", str(self.config)] if self.config is not None else []
        for name, value in self.flags.items():
            if only is None or name in only:
                flags += [f"--{name.replace('_', '-')}", value]
        return flags
