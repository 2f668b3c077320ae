"""What the command line opens: a console on its own engine, on somebody else's, or on a file.

Each returns the exit code.
"""

import gc
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from console.target import Target
from engine.text import printable

if TYPE_CHECKING:
    from console.child import Child
    from console.console_app import ConsoleApp


def deck(target: Target, *, keep_running: bool = False) -> int:
    """The console, with an engine of its own where none runs yet."""
    if not _on_a_terminal("For scripts there are: cycledeck run, once, status"):
        return 2
    from console.child import Child

    # Before Textual is loaded: the engine is up by the time there is a screen to show it on.
    child = Child(target.command("run"))
    from console.app import CycledeckApp
    from console.deck import Deck

    held = Deck(target, child)
    code = 1
    try:
        code = _run(CycledeckApp(held, keep_running=keep_running))
    finally:
        ended = _end(held.child, keep_running)
    return code or ended


def watch(target: Target) -> int:
    """The console, without an engine of its own."""
    if not _on_a_terminal("For scripts there is: cycledeck status"):
        return 2
    from console.app import CycledeckApp
    from console.deck import Deck

    return _run(CycledeckApp(Deck(target)))


def browse(file: Path) -> int:
    """The tables of any SQLite file."""
    if not _on_a_terminal("For scripts there is: cycledeck export"):
        return 2
    if not file.is_file():
        sys.stderr.write(f"error: there is no file {printable(str(file))}\n")
        return 2
    from console.browse_app import BrowseApp

    return _run(BrowseApp(file))


def _end(child: "Child | None", keep_running: bool) -> int:
    if child is None or child.exit_code is not None:
        return 0
    if keep_running:
        sys.stderr.write(
            f"The engine (pid {child.pid}) keeps running. cycledeck watch attaches to it.\n"
        )
        return 0
    # Only one that has not begun yet ends by SIGTERM itself.
    return 1 if child.end() < 0 and child.exit_code != -signal.SIGTERM else 0


def _run(console: "ConsoleApp") -> int:
    console.run()
    return console.return_code or 0


def _on_a_terminal(instead: str) -> bool:
    if sys.stdin.isatty() and sys.stdout.isatty():
        gc.disable()  # Until there is a screen, nothing of what is made is garbage.
        return True
    sys.stderr.write(f"error: the console needs a terminal. {instead}\n")
    return False
