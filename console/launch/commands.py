"""The commands that open a console, as the command line explains and checks them."""

import sys
from copy import copy
from pathlib import Path
from typing import Annotated

import typer

from console.launch import launch
from console.session.target import Target
from engine.cli import commands, options


def main() -> None:
    """Every command there is: these, and the engine's."""
    program = copy(commands.app)
    program.registered_commands = [*app.registered_commands, *program.registered_commands]
    program.callback(invoke_without_command=True)(deck)
    commands.main(program)


app = typer.Typer()


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
    target = Target.of(
        config, db=db, venue=venue, symbols=symbols, interval=interval, lookback=lookback,
        seed=seed, start_from=start_from,
    )  # fmt: skip
    raise typer.Exit(launch.deck(target, keep_running=keep_running))


@app.command()
def watch(config: options.Config = None, db: options.Db = None) -> None:
    """Open the console on an engine that runs already, or on a ledger that none runs on."""
    raise typer.Exit(launch.watch(Target.of(config, db=db)))


@app.command()
def browse(file: Annotated[Path, typer.Argument(help="Any SQLite file.")]) -> None:
    """Open the tables of a SQLite file, of whatever program, for looking."""
    raise typer.Exit(launch.browse(file))
