"""The commands. Exit codes: 0 ok, 1 the check or the cycle failed, 2 usage."""

import asyncio
import getpass
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from engine import logs
from engine.checks.verify import verify as verify_books
from engine.cli import options, output, show
from engine.cli.config_file import template
from engine.clock import now_ms
from engine.cycles.metrics import missing, persist
from engine.cycles.results import CycleResult, Verdict
from engine.engine import Engine, rehearse_cycle, replay_cycle
from engine.errors import CycledeckError, NoSuchCycle, NoSuchItem, SettingsError
from engine.history.export import export as export_table
from engine.history.export import read_status
from engine.history.results_reader import BEYOND
from engine.ingest import quarantine
from engine.settings import FILE_NAME, Settings
from engine.store.damage import sound_rows
from engine.store.readstore import ReadStore
from engine.store.store import Store
from engine.store.tx import Tx
from engine.version import __version__

T = TypeVar("T")
app = typer.Typer(
    name="cycledeck",
    help="Operations console for a trading account: every fill counts exactly once.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
metrics_app = typer.Typer(help="The cycles' metrics.", no_args_is_help=True)
quarantine_app = typer.Typer(
    help="Items that could not be booked as they are.", no_args_is_help=True
)
app.add_typer(metrics_app, name="metrics")
app.add_typer(quarantine_app, name="quarantine")


def main() -> None:
    """The entry point: errors raised on purpose, and what the system refuses, become a message
    and an exit code."""
    output.take_any_text()
    try:
        with output.flushed():
            app()
    except (SettingsError, NoSuchCycle, NoSuchItem) as error:
        show.error(str(error))
        sys.exit(2)
    except CycledeckError as error:
        show.error(str(error))
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
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
    result = _run(_once(settings), settings)
    if as_json:
        show.print_json(result)
    else:
        show.cycle_heading()
        show.cycle_line(result)
        show.positions(result.positions)
    raise typer.Exit(0 if result.committed else 1)


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
        show.cycle_heading()
    last = _run(_run_cycles(settings, cycles, as_json), settings)
    if last is not None and not as_json:
        show.positions(last.positions)
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
    """Run a cycle again on what the venue said then. Never sends orders."""
    settings = options.settings_of(config, db=db)
    if rehearse:
        with show.progress("rehearse") as report:
            found = _run(rehearse_cycle(settings, cycle, report), settings)
        show.print_json(found) if as_json else show.rehearsal(found)
        raise typer.Exit(1 if found.differences else 0)
    result = _run(_replay(settings, cycle), settings)
    if as_json:
        show.print_json(result)
    else:
        show.cycle_heading()
        show.cycle_line(result)
    raise typer.Exit(0 if result.verdict in (Verdict.CLEAN, Verdict.RECOVERED) else 1)


@app.command()
def verify(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Prove that the books are right, or name what is not."""
    settings = options.settings_of(config, db=db)
    with show.progress("verify") as report:
        found = _run(_read(settings, partial(verify_books, report=report)), settings)
    show.print_json(found) if as_json else show.verification(found)
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def status(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Show positions, cursors, lease and the last cycle."""
    settings = options.settings_of(config, db=db)
    found = _run(_read(settings, read_status), settings)
    show.print_json(found) if as_json else show.status(found)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="The table's name.")],
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format")] = "csv",
    config: options.Config = None,
    db: options.Db = None,
) -> None:
    """Write a table to standard output."""
    settings = options.settings_of(config, db=db)
    with show.progress(f"export {table}") as report:
        work = partial(
            export_table, table=table, form=form, out=sys.stdout, report=partial(report, "rows")
        )
        _run(_read(settings, work), settings)
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
    settings = options.settings_of(config, db=db)
    with show.progress("backfill") as report:
        rebuilt = _run(_backfill(settings, report), settings)
    if as_json:
        sys.stdout.write(json.dumps({"rebuilt": rebuilt}) + "\n")
    else:
        show.out.print(show.text(f"cycles rebuilt: {len(rebuilt)}"))


@quarantine_app.command("list")
def quarantine_list(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Show every item, open or resolved."""
    settings = options.settings_of(config, db=db)
    items = _run(_read(settings, quarantine.listing), settings)
    if as_json:
        rows = [{name: getattr(item, name) for name in item.__slots__} for item in items]
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        show.quarantine(items)


@quarantine_app.command("resolve")
def quarantine_resolve(
    item: Annotated[int, typer.Argument(help="The item's number.", min=1, max=BEYOND)],
    drop: Annotated[bool, typer.Option("--drop", help="It is no fill: pass over it.")] = False,
    replacement: Annotated[
        Path | None, typer.Option("--as", help="A file with the fill it stands for, as JSON.")
    ] = None,
    config: options.Config = None,
    db: options.Db = None,
) -> None:
    """Decide about an item; the next cycle acts on it."""
    if drop == (replacement is not None):
        raise SettingsError("give either --drop or --as FILE")
    settings = options.settings_of(config, db=db)
    try:
        corrected = replacement.read_text("utf-8") if replacement else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{replacement}: {error}") from None
    resolved = _run(_resolve(settings, item, corrected), settings)
    show.out.print(show.text(f"item {resolved.id} is {resolved.status}"))


async def _once(settings: Settings) -> CycleResult:
    _on_signals(_cancelling())
    async with Engine(settings) as engine:
        _stop_on_signals(engine)
        return await engine.cycle()


async def _run_cycles(settings: Settings, cycles: int | None, as_json: bool) -> CycleResult | None:
    last: CycleResult | None = None

    def report(result: CycleResult) -> None:
        nonlocal last
        last = result
        show.print_json(result) if as_json else show.cycle_line(result)

    _on_signals(_cancelling())
    async with Engine(settings, channel=True) as engine:
        _stop_on_signals(engine)
        await engine.run(cycles, report)
    return last


def _stop_on_signals(engine: Engine) -> None:
    """The first SIGINT or SIGTERM ends cleanly after the running cycle, a second one, or
    `stop_timeout`, at once."""
    at_once = _cancelling()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        engine.stop()
        _on_signals(at_once)
        loop.call_later(engine.settings.stop_timeout / 1_000, at_once)

    _on_signals(stop)


def _cancelling() -> Callable[[], object]:
    """Ends this task; what it has opened by then is closed again."""
    task = asyncio.current_task()
    return task.cancel if task is not None else lambda: None


def _on_signals(act: Callable[[], object]) -> None:
    """While an engine starts, and while it runs, a SIGINT or SIGTERM leaves nothing behind."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, act)


async def _replay(settings: Settings, cycle: int) -> CycleResult:
    await _require_ledger(settings)
    with sound_rows(settings.db):
        return await replay_cycle(settings, cycle)


async def _read(settings: Settings, work: Any) -> Any:
    store = await ReadStore.open(settings.db, settings.busy_timeout)
    try:
        return await store.read(work)
    finally:
        await store.close()


async def _require_ledger(settings: Settings) -> None:
    """What is no ledger yet does not become one. Raises `StoreError`."""
    await (await ReadStore.open(settings.db, settings.busy_timeout)).close()


async def _beside(settings: Settings) -> Store:
    """The ledger for small writes beside a running engine: without its lease or checkpoints."""
    await _require_ledger(settings)
    return await Store.open(settings.db, busy_timeout_ms=settings.busy_timeout, checkpoints=False)


async def _backfill(settings: Settings, report: Any) -> list[int]:
    store = await _beside(settings)
    try:
        waiting = await store.read(missing)
        with sound_rows(settings.db):
            for done, cycle_id in enumerate(waiting, 1):
                await store.write_metrics(partial(persist, cycle_id=cycle_id))
                report("cycles", done, len(waiting))
        return waiting
    finally:
        await store.close()


async def _resolve(
    settings: Settings, item: int, corrected: str | None
) -> quarantine.QuarantinedItem:
    actor = getpass.getuser()

    def work(tx: Tx) -> quarantine.QuarantinedItem:
        return quarantine.resolve(tx, item, corrected, now_ms(), actor)

    store = await _beside(settings)
    try:
        with sound_rows(settings.db):
            return await store.write(work)
    finally:
        await store.close()


def _run(work: Coroutine[Any, Any, T], settings: Settings) -> T:
    logs.configure(settings.log)
    try:
        return asyncio.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(1) from None
