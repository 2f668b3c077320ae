"""The commands. Exit codes: 0 ok, 1 the check or the cycle failed, 2 usage."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TextIO, cast

import typer

from engine import logs
from engine.checks.verify import read_head
from engine.checks.verify import verify as verify_books
from engine.cli import decisions, options, output, quarantine, show
from engine.cli.config_file import template
from engine.cli.operations import Operations
from engine.cycles.results import CycleResult, Verdict
from engine.engine import rehearse_cycle
from engine.errors import CycledeckError, DecisionRefused, NoSuchCycle, NoSuchItem, SettingsError
from engine.history.export import export as export_table
from engine.history.results_reader import BEYOND
from engine.history.summary import SummaryReader
from engine.settings import FILE_NAME
from engine.version import __version__

app = typer.Typer(
    name="cycledeck",
    help="Operations console for a trading account: every fill counts exactly once.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
metrics_app = typer.Typer(help="The cycles' metrics.", no_args_is_help=True)
app.add_typer(metrics_app, name="metrics")
app.add_typer(quarantine.quarantine_app, name="quarantine")
app.add_typer(decisions.conflicts_app, name="conflicts")
app.add_typer(decisions.markets_app, name="markets")
app.add_typer(decisions.openings_app, name="openings")
app.add_typer(decisions.decisions_app, name="decisions")
app.command("void")(decisions.void)
app.command("rebook")(decisions.rebook)
app.command("open")(decisions.open_account)
app.command("adjust")(decisions.adjust)
app.command("close")(decisions.close)


def main(program: typer.Typer = app) -> None:
    """The entry point: an error raised on purpose, or by the system, becomes a message and an
    exit code."""
    output.open_closed_streams()
    output.take_any_text()
    try:
        _main(program)
    finally:
        logs.drain()


def _main(program: typer.Typer) -> None:
    try:
        with output.flushed():
            program()
    except (SettingsError, NoSuchCycle, NoSuchItem, DecisionRefused) as error:
        show.error(str(error))
        sys.exit(2)
    except CycledeckError as error:
        show.error(str(error))
        sys.exit(1)
    except BrokenPipeError:
        output.drop()
        sys.exit(1)
    except OSError as error:
        show.error(output.refusal(error))
        sys.exit(1)


@app.callback(invoke_without_command=True)
def bare(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        sys.stdout.write(f"cycledeck {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


@app.command()
def once(
    config: options.Config = None,
    db: options.Db = None,
    venue: options.Venue = None,
    symbols: options.Symbols = None,
    lookback: options.Lookback = None,
    seed: options.Seed = None,
    start_from: options.StartFrom = None,
    as_json: options.Json = False,
) -> None:
    """Run one cycle."""
    settings = options.settings_of(
        config, db=db, venue=venue, symbols=symbols, lookback=lookback, seed=seed,
        start_from=start_from,
    )  # fmt: skip
    operations = Operations(settings)
    result = operations.run(operations.cycle())
    with output.outcome(_outcome(result)):
        if as_json:
            show.print_json(result)
        else:
            show.CycleTable().add(result)
            show.positions(result.positions)
    raise typer.Exit(0 if result.committed else 1)


def _outcome(result: CycleResult) -> str:
    done = "committed" if result.committed else "did not commit"
    return f"cycle {result.cycle_id} {done}: {result.status.value}"


@app.command()
def run(
    config: options.Config = None,
    db: options.Db = None,
    venue: options.Venue = None,
    symbols: options.Symbols = None,
    interval: options.Interval = None,
    lookback: options.Lookback = None,
    seed: options.Seed = None,
    start_from: options.StartFrom = None,
    cycles: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many cycles.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Run cycles at an interval, until ctrl-c."""
    settings = options.settings_of(
        config, db=db, venue=venue, symbols=symbols, interval=interval, lookback=lookback,
        seed=seed, start_from=start_from,
    )  # fmt: skip
    if not as_json:
        show.heading(settings)
    line = show.json_line if as_json else partial(show.printed, show.CycleTable().add)
    operations = Operations(settings)
    with output.results(lambda: operations.stopped) as results:
        last = operations.run(operations.cycles(cycles, lambda result: results.write(line(result))))
        if last is not None and not as_json:
            results.write(show.printed(show.positions, last.positions))
    raise typer.Exit(0 if last is None or last.committed else 1)


@app.command()
def replay(
    cycle: Annotated[int, typer.Argument(help="The cycle's number.", min=1, max=BEYOND)],
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="On a copy of the state before it; changes nothing.")
    ] = False,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Run a cycle again on the venue's recorded answers. Never sends orders."""
    settings = options.settings_of(config, db=db)
    operations = Operations(settings)
    if rehearse:
        with show.progress("rehearse") as report:
            rehearsal = operations.run(rehearse_cycle(settings, cycle, report))
        show.print_json(rehearsal) if as_json else show.rehearsal(rehearsal)
        raise typer.Exit(1 if rehearsal.differences else 0)
    result = operations.run(operations.replay(cycle))
    with output.outcome(_outcome(result)):
        show.print_json(result) if as_json else show.CycleTable().add(result)
    raise typer.Exit(0 if result.verdict in (Verdict.CLEAN, Verdict.RECOVERED) else 1)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option("--head", help="A hash that `head` gave: the chain must have it.")
    ] = None,
    anchor: Annotated[
        Path | None,
        typer.Option("--anchor", help="An anchor file: the chain must agree with it."),
    ] = None,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Prove that the books are right, or name each entry that is not."""
    operations = Operations(options.settings_of(config, db=db))
    with show.progress("verify") as report:
        work = partial(verify_books, report=report, head=head, anchor=anchor, two_processes=True)
        verification = operations.run(operations.read(work))
    with output.outcome(show.verdict(verification)):
        show.print_json(verification) if as_json else show.verification(verification)
    raise typer.Exit(0 if verification.ok else 1)


@app.command()
def head(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Show the last commit's hash, which vouches for all before it."""
    operations = Operations(options.settings_of(config, db=db))
    last = operations.run(operations.read(read_head))
    if as_json:
        sys.stdout.write((last.model_dump_json() if last else "null") + "\n")
    else:
        show.out.print(show.text(f"{last.commit_seq} {last.hash}" if last else "no commit yet"))


@app.command()
def status(
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where a market is not ok.")
    ] = False,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Show positions, cursors, lease and the last cycle."""
    operations = Operations(options.settings_of(config, db=db))
    summary = operations.run(operations.read(lambda tx: SummaryReader(tx).status()))
    show.print_json(summary) if as_json else show.status(summary)
    raise typer.Exit(1 if check and summary.markets else 0)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="The table's name.")],
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format")] = "csv",
    config: options.Config = None,
    db: options.Db = None,
) -> None:
    """Write a table to standard output."""
    operations = Operations(options.settings_of(config, db=db))
    with show.progress(f"export {table}") as report:
        work = partial(
            export_table,
            table=table,
            form=form,
            out=cast("TextIO", output.Documents()),
            report=partial(report, "rows"),
        )
        operations.run(operations.read(work, any_schema=True))
    sys.stdout.flush()


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path(FILE_NAME),
    force: Annotated[bool, typer.Option("--force", help="Overwrite it.")] = False,
) -> None:
    """Write a commented settings file."""
    if path.exists() and not force:
        raise SettingsError(f"{path} exists already; --force overwrites it")
    try:
        path.write_text(template(), "utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None
    show.out.print(show.text(f"wrote {path}"))


@metrics_app.command("backfill")
def metrics_backfill(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Rebuild the metrics of cycles whose row is missing."""
    operations = Operations(options.settings_of(config, db=db))
    with show.progress("backfill") as report:
        rebuilt = operations.run(operations.backfill(report))
    if as_json:
        sys.stdout.write(json.dumps({"rebuilt": rebuilt}) + "\n")
    else:
        show.out.print(show.text(f"cycles rebuilt: {len(rebuilt)}"))
