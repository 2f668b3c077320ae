"""Output for people on the terminal. Text from outside is never markup and has no controls."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from engine import logs
from engine.checks.verify import Verification
from engine.cli.output import document
from engine.clock import format_duration, iso
from engine.cycles.rehearsal import Rehearsal
from engine.cycles.results import CycleResult, Notice, PositionView
from engine.history.growth import LedgerGrowth
from engine.history.summary import LedgerStatus
from engine.settings import Settings
from engine.text import printable

T = TypeVar("T")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raises `BrokenPipeError`: whether that is a failure depends on the command."""
        raise


out = _Console(highlight=False, soft_wrap=True)
err = _Console(stderr=True, highlight=False, soft_wrap=True)

# A cycle in trouble takes a few lines, not a screen.
MOST_NOTICES = 4

_STYLES = {
    "ok": "green",
    "attention": "yellow",
    "held": "yellow",
    "partial": "yellow",
    "clean": "green",
    "recovered": "cyan",
}


def text(value: object, style: str = "") -> Text:
    return Text(printable(str(value)), style=style)


def json_line(model: BaseModel) -> str:
    return document(model.model_dump_json()) + "\n"


def print_json(model: BaseModel) -> None:
    sys.stdout.write(json_line(model))
    sys.stdout.flush()


def error(message: str) -> None:
    with err.capture() as printed:
        for line in message.splitlines() or [""]:
            err.print(Text("error: ", style="bold red") + text(line))
    logs.standard_error().write(printed.get())


def printed(show: Callable[[T], object], shown: T) -> str:
    """The text that `show` would print."""
    with out.capture() as text:
        show(shown)
    return text.get()


def heading(settings: Settings) -> None:
    pace = f"every {format_duration(settings.interval)}"
    facts = (settings.account, settings.venue, pace, str(settings.db))
    out.print(Text("cycledeck ", style="bold") + text(" · ".join(facts)))


class CycleTable:
    """Cycles as they end: a line of at most 80 columns each, then its errors and warnings."""

    def __init__(self) -> None:
        names = f"{'cycle':>7} {'time':<8} {'kind':<9} {'state':<11}{'fetched':>8}{'new':>6}"
        out.print(Text(f"{names}{'ins':>7}{'ign':>7}{'conf':>5}{'orders':>7}", style="dim"))

    def add(self, result: CycleResult) -> None:
        state = result.verdict.value if result.verdict else result.status.value
        conflicting = result.ledger_events_conflicting
        line = Text(f"{result.cycle_id:>7} {iso(result.started_ms)[11:19]} {result.kind.value:<9} ")
        line.append(f"{state:<11}", style=_STYLES.get(state, "red"))
        line.append(f"{result.fills_fetched:>8}{result.fills_count:>6}")
        line.append(f"{result.ledger_events_inserted:>7}{result.ledger_events_ignored:>7}")
        line.append(f"{conflicting:>5}", style="bold red" if conflicting else "")
        line.append(f"{result.orders_submitted:>7}")
        out.print(line)
        self._notices(result.errors, "red")
        # Oversold stands beside the position it is about.
        self._notices([entry for entry in result.warnings if entry.type != "oversold"], "yellow")

    def _notices(self, entries: Sequence[Notice], style: str) -> None:
        for entry in entries[:MOST_NOTICES]:
            where = f"{entry.symbol}: " if entry.symbol else ""
            out.print(text(f"        {entry.step}: {where}{entry.type}: {entry.message}", style))
        more = len(entries) - MOST_NOTICES
        if more > 0:
            out.print(text(f"        … and {more} more: --json, or the cycles table", style))


def positions(of_symbols: dict[str, PositionView]) -> None:
    """Every digit of money; an average, which need not end, is cut, and ends in … then."""
    for symbol, position in of_symbols.items():
        average = f" at {_cut(position.avg_cost)}" if position.avg_cost else ""
        line = Text(printable(symbol), style="bold")
        out.print(line.append_text(text(f"  {position.qty}{average}")))
        funding = f" · funding {position.funding}" if position.funding != "0" else ""
        out.print(text(f"    realized {position.realized_pnl}{funding} · net {_net(position)}"))
        fees = " · ".join(f"{fee} {currency}" for currency, fee in position.fees.items())
        if fees:
            out.print(text(f"    fees {fees}", "dim"))
        if position.oversold:
            out.print(text("    oversold: more was sold than the ledger holds", "yellow"))


def _net(position: PositionView) -> str:
    """In its money; while fees are unknown there is no net figure, but one without them."""
    net = f"{position.net} {position.money}"
    if not position.fees_unknown:
        return net
    fills = "fill" if position.fees_unknown == 1 else "fills"
    return f"≈ {net} (fees of {position.fees_unknown} {fills} unknown)"


def _cut(number: str, digits: int = 14) -> str:
    return number if len(number) <= digits else number[:digits] + "…"


def status(summary: LedgerStatus) -> None:
    lease = summary.lease
    out.print(text(f"engine     {lease['holder'] if lease else 'none is running'}"))
    cycle = summary.last_cycle
    if cycle:
        when = f"{_time(cycle['started_ms'])}, {cycle['kind']}, {cycle['status']}"
        out.print(text(f"last cycle {cycle['cycle_id']}, {when}"))
        reasons = {
            f"{view.reason}; {view.remedy}" for views in summary.markets.values() for view in views
        }
        for entry in [*cycle["errors"], *cycle["warnings"]]:
            if entry["type"] != "oversold" and entry["message"] not in reasons:
                where = f"{entry['symbol']}: " if entry["symbol"] else ""
                out.print(text(f"           {where}{entry['message']}", "yellow"))
    if summary.sqlite_warning:
        out.print(text(f"SQLite     {summary.sqlite_warning}", "yellow"))
    events, fills = summary.counts.get("ledger_events", 0), summary.counts.get("applied_fills", 0)
    out.print(text(f"ledger     {events} events, {fills} fills"))
    for symbol, views in summary.markets.items():
        for view in views:
            line = Text(f"{view.status.value:<10} ", style="bold yellow")
            out.print(line.append_text(text(f"{symbol}: {view.reason}; {view.remedy}", "yellow")))
    if period := summary.closed:
        until = f"closed     until {_time(period.until_ms)}, by decision {period.decision}"
        later = f"; events booked in it since: {period.corrections}" if period.corrections else ""
        out.print(text(until + later, "yellow" if later else ""))
        for event_id in period.first_corrections:
            out.print(text(f"           {event_id}, a correction of a prior period"))
    for key, value in summary.cursors.items():
        held = " (held: quarantine)" if key.partition(":")[2] in summary.held else ""
        out.print(text(f"cursor     {key} {_time(value)}{held}"))
    positions(summary.positions)
    balances(summary)


def balances(summary: LedgerStatus) -> None:
    """Balances with what they are of, their roundings, and what was adjusted by hand."""
    for asset, amount in summary.balances.items():
        oversold = " (oversold)" if asset in summary.oversold else ""
        out.print(text(f"balance    {asset} {amount}{oversold}", "yellow" if oversold else ""))
    for wallet, since_ms in summary.changes_since.items():
        if summary.balances:
            since = f"change since {_time(since_ms)}: no opening is booked"
            out.print(text(f"           of {wallet}, {since}", "dim"))
    for asset, amount in summary.rounding.items():
        out.print(text(f"rounding   {asset} {amount}, as the exchange stated its trades"))
    for line in summary.adjustments:
        out.print(text(f"{line.event_id:<10} {line.words}", "yellow"))
    if summary.growth is not None:
        _growth(summary.growth)


def _growth(growth: LedgerGrowth) -> None:
    total, largest = sum(growth.per_day.values()), list(growth.per_day.items())[:3]
    tables = ", ".join(f"{table} {_size(size)}" for table, size in largest)
    out.print(text(f"growth     {_size(total)} a day at today's rate, most of it {tables}"))
    passing = growth.month - growth.month_stays
    rest = "; the rest goes after keep_idle_cycles and keep_inputs" if passing else ""
    stays = f", of which {_size(growth.month_stays)} stay{rest}" if passing else ""
    out.print(text(f"           the month to come {_size(growth.month)}{stays}"))


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} GB"


def _time(ts_ms: int) -> str:
    """As people read it; of a damaged row, the number as it stands there."""
    try:
        return iso(ts_ms)
    except (ValueError, OverflowError, OSError):
        return f"{ts_ms} ms, which is no time"


def verification(result: Verification) -> None:
    for name, count in result.checked.items():
        out.print(text(f"{name:<14} {count:>10} checked"))
    if missing := result.metrics_missing:
        rebuild = "`cycledeck metrics backfill` rebuilds them"
        out.print(text(f"{'metrics':<14} {missing:>10} missing: {rebuild}", "yellow"))
    for entry in result.violations:
        out.print(text(f"{entry.table} {entry.key}", "bold red"))
        out.print(text(f"    expected {entry.expected}"))
        out.print(text(f"    found    {entry.found}"))
    for line in result.not_held:
        out.print(text(line, "yellow"))
    out.print(text(verdict(result), "bold green" if result.ok else "bold red"))


def verdict(result: Verification) -> str:
    return "ok" if result.ok else f"violations: {len(result.violations)}"


def rehearsal(result: Rehearsal) -> None:
    out.print(
        text(
            f"cycle {result.cycle_id} again: attempted {result.attempted} = inserted "
            f"{result.inserted} + ignored {result.ignored} + conflicting {result.conflicting}"
        )
    )
    for entry in result.differences:
        out.print(
            text(f"{entry.what} {entry.key}: recorded {entry.recorded}, now {entry.now}", "red")
        )
    if not result.differences:
        out.print(text("no differences", "green"))


def counted(items: int) -> str:
    return "1 item" if items == 1 else f"{items:,} items"


@contextmanager
def progress(title: str) -> Iterator[Any]:
    """A progress bar on a terminal's standard error; yields `report(what, done, total)`."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(printable(title), total=None)

        def report(what: str, done: int = 0, total: int = 0) -> None:
            of = f" {done:,}" + (f" of {total:,}" if total else "") if done else ""
            bar.update(
                task,
                description=printable(f"{title}: {what}{of}"),
                completed=done,
                total=total or None,
            )

        yield report
