"""What tests build with: reported fills, a ledger in memory, engines, and the command line."""

import contextlib
import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Settings
from engine.checks.verify import Verification, verify
from engine.clock import now_ms
from engine.cycles.results import CycleResult, PositionView
from engine.ledger.accounting import Position, PositionKey
from engine.ledger.balances import by_asset
from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.cursors import PreparedMarket
from engine.ledger.decision import Act, Decision
from engine.ledger.events import Event, events_of
from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.ledger.markets import Market
from engine.ledger.positions import named
from engine.ledger.reports import Edge, read_fill
from engine.money import canonical
from engine.store.connection import connect_sqlite
from engine.store.migrate import migrate
from engine.store.tx import Tx
from engine.venue import TradeIds

Reported = dict[str, Any]

SHARED = Path(__file__).resolve().parents[2] / "shared"
VECTORS = Path(__file__).parent / "vectors" / "accounting-2.json"

BTC = "BTC/USDT"
ETH = "ETH/USDT"
# What tests call the first millisecond: a day in July 2023.
T0 = 1_690_000_000_000
LATEST_MS = 4_000_000_000_000

_MAIN = "import sys; sys.argv[0] = 'cycledeck'; from engine.cli import main; main()"


def shared(path: str) -> Path:
    """A file of the shared test data; the test is skipped where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"the shared test data is absent: shared/{path}")
    return found


def vectors() -> pytest.MarkDecorator:
    """Parameters of a test over the accounting cases."""
    cases = json.loads(VECTORS.read_text("utf-8"))
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


def read_fills(path: Path) -> list[Reported]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def reported(
    trade_id: object = "1",
    side: str = "buy",
    amount: str = "1",
    price: str = "100",
    ts: int = 1_000,
    symbol: str = BTC,
    **more: Any,
) -> Reported:
    """A fill in ccxt's unified trade structure, `ts` after `T0`; no fees unless `fees` is given."""
    item = {"id": trade_id, "symbol": symbol, "side": side, "amount": amount, "price": price}
    return item | {"timestamp": T0 + ts, "fees": [{"cost": "0", "currency": "USDT"}]} | more


def fee(cost: str | None, currency: str | None = "USDT") -> dict[str, str | None]:
    return {"cost": cost, "currency": currency}


def read(item: Reported, trade_ids: TradeIds = TradeIds.ACCOUNT) -> Fill:
    return read_fill(json.dumps(item), Edge(trade_ids, LATEST_MS))


def sorted_events(items: Iterable[Reported]) -> list[Event]:
    """The events of reported fills in fold order, each id once."""
    events = {event.event_id: event for item in items for event in events_of(read(item))}
    return sorted(events.values(), key=lambda event: event.place(Market.of(event.symbol)))


def folded(items: Iterable[Reported]) -> dict[str, dict[str, Any]]:
    """Positions of reported fills through the pure module alone."""
    positions: dict[PositionKey, Position] = {}
    for event in sorted_events(items):
        market = Market.of(event.symbol)
        key = PositionKey.of(event, market)
        positions.setdefault(key, Position.empty(key, market)).fold([event])
    return {name: money_of(position) for name, position in named(positions.values()).items()}


def balances_of(made: Commit) -> dict[str, str]:
    """Balances by asset, zeros left out."""
    return by_asset(made.balances)


def money_of(position: Position | PositionView | Mapping[str, Any]) -> dict[str, Any]:
    """The figures that `*.expected.json` has."""
    if isinstance(position, Position):
        position = PositionView.of(position)
    if isinstance(position, PositionView):
        position = position.model_dump()
    return {name: position[name] for name in ("qty", "cost", "realized_pnl", "fees")}


# --- a ledger without an engine


def raw(tx: Tx) -> sqlite3.Connection:
    """What a transaction runs on, which takes statements as text."""
    return tx._connection


class OpenLedger(Tx):
    """A ledger that also takes statements as text, for looking and for damaging."""

    def __getattr__(self, name: str) -> Any:
        return getattr(raw(self), name)

    def __enter__(self) -> sqlite3.Connection:
        return raw(self).__enter__()

    def __exit__(self, *error: Any) -> None:
        raw(self).__exit__(*error)


def memory_ledger(trade_ids: TradeIds = TradeIds.ACCOUNT) -> OpenLedger:
    # Where it is collected as garbage, that may be in a thread of aiosqlite's.
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection)
    ledger = OpenLedger(connection, Path(":memory:"))
    weakref.finalize(ledger, connection.close)
    Identity("ab12", 1, "fake", trade_ids).keep(ledger)
    return ledger


def commit(
    ledger: OpenLedger,
    items: Sequence[Reported | Fill],
    *,
    cycle_id: int = 1,
    since_ms: int = 0,
    start_ms: int = 0,
    held: bool = False,
    clock_ms: int | None = None,
    symbols: Iterable[str] = (),
    events: Sequence[Event] = (),
    decision: Decision | None = None,
    trade_ids: TradeIds = TradeIds.ACCOUNT,
    at_ms: int = 5_000,
) -> Commit:
    """TX 1 of a cycle that was told `items`; `symbols` were asked without an answer. `events` are
    account events. Or that of a `decision`."""
    fills = [item if isinstance(item, Fill) else read(item, trade_ids) for item in items]
    windows = [
        PreparedMarket(
            symbol,
            since_ms,
            start_ms,
            tuple(f for f in fills if f.symbol == symbol),
            held,
            clock_ms,
        )
        for symbol in dict.fromkeys([*(fill.symbol for fill in fills), *symbols])
    ]
    ledger.execute("BEGIN IMMEDIATE")
    try:
        made = commit_cycle(
            ledger,
            windows,
            cycle_id=cycle_id,
            lease_epoch=1,
            now_ms=at_ms,
            events=events,
            decision=decision,
            actor="someone",
        )
    except BaseException:
        ledger.execute("ROLLBACK")
        raise
    ledger.execute("COMMIT")
    return made


def resolution(item: int, replacement: str | None = None) -> Decision:
    """The decision to drop an item in quarantine, or to put a text in its place."""
    act = Act.DROP_ITEMS if replacement is None else Act.REPLACE_ITEM
    return Decision(act=act, item=item, replacement=replacement)


def resolve(
    ledger: OpenLedger, item: int, replacement: str | None = None, at_ms: int | None = None
) -> Commit:
    """The decision about an item as the next cycle of a ledger, which no engine has open."""
    newest = "SELECT max(cycle_id) FROM (SELECT cycle_id FROM cycles UNION ALL SELECT cycle_id FROM"
    (cycle_id,) = rows(ledger, f"{newest} ledger_commits)")
    decision = resolution(item, replacement)
    return commit(
        ledger, (), cycle_id=(cycle_id or 0) + 1, decision=decision, at_ms=at_ms or now_ms()
    )


def rows(ledger: Tx | sqlite3.Connection, statement: str, *values: object) -> list[Any]:
    """All rows; of a single column, its values."""
    connection = raw(ledger) if isinstance(ledger, Tx) else ledger
    found = connection.execute(statement, values).fetchall()
    return [row[0] for row in found] if found and len(found[0]) == 1 else found


# --- engines


def settings_in(folder: Path, fills: Path | None = None, **more: Any) -> Settings:
    """Settings of an engine in `folder`, on a recorded file where one is given; no waits."""
    values: dict[str, Any] = {
        "db": folder / "ledger.db",
        "venue": f"recorded:{fills}" if fills else "sim",
        "retry_attempts": 1,
        "retry_wait": "1ms",
        "interval": "1ms",
        "log": {"level": "error"},
    }
    return Settings(**(values | more))


def serve(path: Path, items: Iterable[Reported | str]) -> Path:
    """Write what a recorded venue serves, in one step, as a new file."""
    lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(line + "\n" for line in lines), "utf-8")
    fresh.replace(path)
    return path


async def cycles(settings: Settings, count: int = 1, **parts: Any) -> list[CycleResult]:
    """Results of `count` cycles of an engine of its own; `parts` as `Engine` takes them."""
    async with Engine(settings, **parts) as engine:
        return [await engine.cycle() for _ in range(count)]


def adds_up(result: CycleResult) -> bool:
    return result.ledger_events_attempted == (
        result.ledger_events_inserted
        + result.ledger_events_ignored
        + result.ledger_events_conflicting
    )


@contextlib.contextmanager
def opened(path: Path) -> Any:
    """A ledger file on a connection of its own."""
    connection = connect_sqlite(path.absolute().as_uri(), False)
    try:
        yield OpenLedger(connection, path)
    finally:
        connection.close()


def verified(path: Path) -> Verification:
    with opened(path) as connection:
        return verify(connection)


# --- the command line


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which has to be exactly one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def cycledeck(*arguments: object) -> Ran:
    """Run a command in this process, through the entry point."""
    from engine.cli import main

    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["cycledeck", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        return Ran(code, out.getvalue(), err.getvalue())
    finally:
        sys.argv = before
    return Ran(0, out.getvalue(), err.getvalue())


def started(*arguments: object, **more: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"} | more.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **more,
    )


def finished(process: subprocess.Popen[str], timeout: float = 60) -> Ran:
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return Ran(process.returncode, out, err)


def spawned(*arguments: object, **more: Any) -> Ran:
    """Run a command as a process of its own, to its end."""
    return finished(started(*arguments, **more))


def traced(statements: list[str], uri: str, read_only: bool) -> sqlite3.Connection:
    connection = connect_sqlite(uri, read_only)
    connection.set_trace_callback(statements.append)
    return connection


def tracing(statements: list[str]) -> Any:
    """A `connect` for `Engine` that notes every statement as it runs, values filled in."""
    return partial(traced, statements)


def number(value: Decimal | str) -> str:
    return canonical(Decimal(value))
