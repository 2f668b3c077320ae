"""The consoles that the command line opens: on an engine of its own, on somebody else's, on a file.

Each returns the exit code.
"""

import gc
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from console.session.target import Target
from engine.text import printable

if TYPE_CHECKING:
    from console.app.base_app import ConsoleApp
    from console.session.session import Deck

# Whatever ends the console, also before there is a screen that hears it, ends its engine as well.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# For its running cycle an engine takes as long as its settings say, once they are read, and more.
PATIENCE_S, MARGIN_S = 30.0, 5.0


def deck(target: Target, *, keep_running: bool = False) -> int:
    """The console, with an engine of its own where none runs yet."""
    if not _on_a_terminal("For scripts there are: cycledeck run, once, status"):
        return 2
    from console.session.engine_process import EngineProcess
    from console.session.session import Deck

    early: list[int] = []
    _on_endings(lambda number, frame: early.append(number))
    # Before Textual is loaded: the engine is up by the time there is a screen to show it on.
    session = Deck(target, EngineProcess(target.command("run")))
    code = 1
    try:
        _on_endings(signal.default_int_handler)
        code = 0 if early else _on_ledger(session, keep_running=keep_running)
    except KeyboardInterrupt:
        code = 0
    finally:
        ended = _end(session, keep_running)
    return code or ended


def watch(target: Target) -> int:
    """The console, without an engine of its own."""
    if not _on_a_terminal("For scripts there is: cycledeck status"):
        return 2
    from console.session.session import Deck

    return _on_ledger(Deck(target))


def browse(file: Path) -> int:
    """The tables of any SQLite file."""
    if not _on_a_terminal("For scripts there is: cycledeck export"):
        return 2
    try:
        there = file.is_file()
    except OSError as error:
        _print(f"error: {printable(str(file))}: {error.strerror}")
        return 2
    if not there:
        _print(f"error: there is no file {printable(str(file))}")
        return 2
    from console.app.browse_app import BrowseApp

    return _run(BrowseApp(file))


def _on_ledger(session: "Deck", *, keep_running: bool = False) -> int:
    from console.app.ledger_app import CycledeckApp

    return _run(CycledeckApp(session, keep_running=keep_running))


def _run(console: "ConsoleApp") -> int:
    console.run()
    return console.return_code or 0


def _end(session: "Deck", keep_running: bool) -> int:
    process, settings = session.process, session.settings
    if process is None or process.exit_code is not None:
        return 0
    if keep_running:
        _print(f"The engine (pid {process.pid}) keeps running. cycledeck watch attaches to it.")
        return 0
    _on_endings(signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Once more, to hurry it.
    patience_s = settings.stop_timeout / 1_000 + MARGIN_S if settings else PATIENCE_S
    note = f"The engine (pid {process.pid}) ends after its running cycle. "
    note += "ctrl-c cancels that cycle."
    exit_code = process.end(patience_s, slow=partial(_print, note))
    # Only one that has not begun yet ends by SIGTERM itself.
    return 1 if exit_code < 0 and exit_code != -signal.SIGTERM else 0


def _print(message: str) -> None:
    with suppress(OSError, AttributeError):  # The terminal may be gone, or never have been there.
        sys.stderr.write(f"{message}\n")


def _on_endings(handler: "Callable[[int, FrameType | None], object] | signal.Handlers") -> None:
    for number in ENDINGS:
        signal.signal(number, handler)


def _on_a_terminal(instead: str) -> bool:
    # A stream that the caller closed is null.
    if all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        gc.disable()  # Until there is a screen, nothing of what is made is garbage.
        return True
    _print(f"error: the console needs a terminal. {instead}")
    return False
