"""What a console is opened on, as given on the command line; the engine takes the same flags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from console.pythons import PYTHON

if TYPE_CHECKING:
    from engine import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """`flags` are the settings given by hand, by their names in the settings file."""

    config: Path | None = None
    flags: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> "Settings":
        """The settings of file, environment and flags. Raises `SettingsError`."""
        from engine import load_settings

        return load_settings(self.config, self.flags)

    def command(self, *words: str, only: tuple[str, ...] | None = None) -> list[str]:
        """The command line of an engine command on the same target, with all flags or `only`."""
        line = [*PYTHON, "engine.cli", *words]
        if self.config is not None:
            line += ["--config", str(self.config)]
        for name, value in self.flags.items():
            if only is None or name in only:
                line += [f"--{name.replace('_', '-')}", value]
        return line
