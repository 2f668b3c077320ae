"""The command `cycledeck`: the console, and every command of the engine.

A console is on the screen before the engine's code is loaded: that is for the engine's own
commands, and for the process that runs them.
"""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.target import Target
from engine.cli import options
from engine.text import printable

if TYPE_CHECKING:
    from console.child import Child
    from console.console_app import ConsoleApp

app = typer.Typer(
    name="cycledeck",
    help="Operations console for a trading account: every fill counts exactly once.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
CONSOLES = ("watch", "browse")


def main() -> None:
    """The entry point."""
    first = sys.argv[1] if sys.argv[1:] else ""
    if first in CONSOLES or (first[:1] in ("", "-") and "--help" not in sys.argv):
        gc.disable()  # Until there is a screen, nothing of what is made is garbage.
        app()
        return
    from engine.cli import commands

    commands.app.registered_commands[:0] = app.registered_commands
    commands.app.callback(invoke_without_command=True)(deck)
    commands.main()


@app.callback(invoke_without_command=True)
def deck(
    context: typer.Context,
    config: options.Config = None,
    db: options.Db = None,
    venue: options.Venue = None,
    symbols: options.Symbols = None,
    interval: options.Interval = None,
    lookback: options.Lookback = None,
    seed: options.Seed = None,
    start_from: options.StartFrom = None,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Leave the engine running on quit.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Operations console for a trading account: every fill counts exactly once.

    Without a command: the console, on an engine of its own that ends with it. Where an engine
    runs on the ledger already, the console attaches to that one and leaves it running.
    """
    if version:
        from engine import __version__

        sys.stdout.write(f"cycledeck {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    flags = {
        "db": db,
        "venue": venue,
        "symbols": symbols,
        "interval": interval,
        "lookback": lookback,
        "seed": seed,
        "start_from": start_from,
    }
    target = Target(config, {name: str(flag) for name, flag in flags.items() if flag is not None})
    _need_a_terminal("For scripts there are: cycledeck run, once, status")
    raise typer.Exit(_with_its_engine(target, keep_running))


@app.command()
def watch(config: options.Config = None, db: options.Db = None) -> None:
    """Open the console on an engine that runs already, or on a ledger that none runs on."""
    _need_a_terminal("For scripts there is: cycledeck status")
    from console.app import CycledeckApp
    from console.deck import Deck

    target = Target(config, {} if db is None else {"db": str(db)})
    raise typer.Exit(_run(CycledeckApp(Deck(target))))


@app.command()
def browse(file: Annotated[Path, typer.Argument(help="Any SQLite file.")]) -> None:
    """Open the tables of a SQLite file, of whatever program, for looking."""
    _need_a_terminal("For scripts there is: cycledeck export")
    if not file.is_file():
        sys.stderr.write(f"error: there is no file {printable(str(file))}\n")
        raise typer.Exit(2)
    from console.browse_app import BrowseApp

    raise typer.Exit(_run(BrowseApp(file)))


def _with_its_engine(target: Target, keep_running: bool) -> int:
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


def _end(child: "Child | None", keep_running: bool) -> int:
    if child is None or child.exit_code is not None:
        return 0
    if keep_running:
        sys.stderr.write(
            f"The engine (pid {child.pid}) keeps running. cycledeck watch attaches to it.\n"
        )
        return 0
    return 1 if child.end() < 0 else 0


def _run(console: "ConsoleApp") -> int:
    console.run()
    return console.return_code or 0


def _need_a_terminal(instead: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(f"error: the console needs a terminal. {instead}\n")
        raise typer.Exit(2)
