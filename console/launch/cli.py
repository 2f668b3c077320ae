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
    opened = plainly(sys.argv[1:])
    if opened is not None:
        try:
            sys.exit(opened())
        except KeyboardInterrupt:
            sys.exit(130)
    from console.launch import commands

    commands.main()


def plainly(words: Sequence[str]) -> Callable[[], int] | None:
    """The console that these words open; null where that is for the command line to say."""
    match words:
        case ["browse", file] if not file.startswith("-"):
            return partial(launch.browse, Path(file))
        case ["watch", *rest]:
            flags = _flags(rest, TARGET)
            return None if flags is None else partial(launch.watch, _target(flags))
    flags = _flags([word for word in words if word != KEEP_RUNNING], SETTINGS)
    if flags is None:
        return None
    return partial(launch.deck, _target(flags), keep_running=KEEP_RUNNING in words)


def _flags(words: Sequence[str], known: frozenset[str]) -> dict[str, str] | None:
    """Flags with their values, where there is nothing but known ones; else null."""
    flags: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, given, value = word.partition("=")
        value = value if given else next(rest, "")
        if flag not in known or not value or value.startswith("-"):
            return None
        flags[flag] = value
    return flags if flags.get("--seed", "0").isdecimal() else None


def _target(flags: dict[str, str]) -> Target:
    config = flags.pop("--config", None)
    settings = {flag[2:].replace("-", "_"): value for flag, value in flags.items()}
    return Target(Path(config) if config else None, settings)
