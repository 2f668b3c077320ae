"""The command `cycledeck`: the console, and every command of the engine.

A console is on the screen before the engine's code is loaded, and without the command line's
machinery, which would take as long to load as all that is seen. That is for everything else:
other commands, help, and whatever is not plain.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from console.launch import launch
from console.session.target import Target

KEEP_RUNNING = "--keep-running"
TARGET = frozenset({"--config", "--db"})
SETTINGS = TARGET | {"--venue", "--symbols", "--interval", "--lookback", "--seed", "--start-from"}


def main() -> None:
    """The entry point."""
    opened = plain_console(sys.argv[1:])
    if opened is not None:
        try:
            sys.exit(opened())
        except KeyboardInterrupt:
            sys.exit(130)
    from console.launch import commands

    commands.main()


def plain_console(arguments: Sequence[str]) -> Callable[[], int] | None:
    """The console that plain arguments open; null where the command line has to explain them."""
    match arguments:
        case ["browse", file] if not file.startswith("-"):
            return partial(launch.browse, Path(file))
        case ["watch", *rest]:
            flags = _flags(rest, TARGET)
            return None if flags is None else partial(launch.watch, _target(flags))
    flags = _flags([part for part in arguments if part != KEEP_RUNNING], SETTINGS)
    if flags is None:
        return None
    return partial(launch.deck, _target(flags), keep_running=KEEP_RUNNING in arguments)


def _flags(arguments: Sequence[str], allowed: frozenset[str]) -> dict[str, str] | None:
    """Flags with their values, where there is nothing but allowed ones; else null."""
    flags: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        value = value if equals else next(rest, "")
        if flag not in allowed or not value or value.startswith("-"):
            return None
        flags[flag] = value
    return flags if flags.get("--seed", "0").isdecimal() else None


def _target(flags: dict[str, str]) -> Target:
    config = flags.pop("--config", None)
    settings = {flag[2:].replace("-", "_"): value for flag, value in flags.items()}
    return Target(Path(config) if config else None, settings)
