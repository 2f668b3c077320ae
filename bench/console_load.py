"""What a console takes while nobody touches it: CPU, memory, and the engine's time."""

import asyncio
import multiprocessing
import sqlite3
import tempfile
import time
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

from bench.driving import (
    Figure,
    children,
    copied,
    core_share,
    cpu_seconds,
    engine_on,
    median,
    resident_mib,
    until,
)
from engine import EngineClient
from tests.e2e.terminal import Terminal

BUSY_GOAL, IDLE_GOAL = 5.0, 1.0
CLIENTS = 10
# More cycles than a console keeps.
KEPT = 700


def cpu_figures(ledger: Path, seconds: float) -> list[Figure]:
    """Percent of a core, of the console and of the process that reads its tables."""
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        home = Path(name)
        db = copied(ledger, home / "cpu")
        figures = []
        with Terminal("watch", "--db", db, home=home) as terminal:
            terminal.until_seen("No engine is running")
            figures.append(_share(terminal, "no engine, Watch", seconds, IDLE_GOAL))
        with (
            engine_on(db, "--interval", "1s"),
            Terminal("watch", "--db", db, home=home) as terminal,
        ):
            terminal.until_seen("running every")
            for key, screen, shown in (
                ("1", "Watch", "positions"),
                ("2", "Cycles", "enter x-ray"),
                ("3", "Tables", "exact"),
                ("4", "Health", "errors and warnings"),
            ):
                terminal.press(key)
                terminal.until_seen(shown)
                figures.append(_share(terminal, f"a cycle a second, {screen}", seconds, BUSY_GOAL))
            terminal.press("1", "p")
            terminal.until_seen("pause the engine")
            terminal.press("y")
            terminal.until_seen("paused")
            figures.append(_share(terminal, "engine paused, Watch", seconds, IDLE_GOAL))
    return figures


def _share(terminal: Terminal, name: str, seconds: float, goal: float) -> Figure:
    time.sleep(2)  # What a key set going comes to rest.
    share = core_share([terminal.pid, *children(terminal.pid)], seconds)
    return Figure(f"CPU: {name}", share, "% of core", goal)


# --- the engine


def engine_figures(ledger: Path, rounds: int, seconds: float = 5) -> list[Figure]:
    """CPU of the engine per cycle, without clients and with ten, in turns."""
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        db = copied(ledger, Path(name) / "engine")
        alone, attended = [], []
        with engine_on(db, "--interval", "100ms", "--lookback", "10s") as engine:
            time.sleep(2)
            for _ in range(rounds):
                alone.append(_cycle_ms(engine.pid, db, seconds))
                with _Clients(db):
                    attended.append(_cycle_ms(engine.pid, db, seconds))
    ratio = median([second / first for first, second in zip(alone, attended, strict=True)])
    return [
        Figure("engine: CPU a cycle, no client", median(alone), "ms"),
        Figure(f"engine: CPU a cycle, {CLIENTS} clients", median(attended), "ms"),
        Figure(f"engine: {CLIENTS} clients / none", ratio, "×"),
    ]


def _cycle_ms(pid: int, db: Path, seconds: float) -> float:
    cycles, cpu = _cycles(db), cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - cpu) / (_cycles(db) - cycles) * 1_000


def _cycles(db: Path) -> int:
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT max(cycle_id) FROM cycles").fetchone()
    return int(count)


class _Clients:
    """Attached clients that take what they are sent, in a process of their own."""

    def __init__(self, db: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._attached = context.Event()
        self._process = context.Process(target=_attend, args=(db, self._attached), daemon=True)

    def __enter__(self) -> None:
        self._process.start()
        if not self._attached.wait(30):
            raise TimeoutError("the clients did not attach")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _attend(db: Path, attached: Event) -> None:
    async def take(client: EngineClient) -> None:
        async for _ in client:
            pass

    async def attend() -> None:
        clients = [await EngineClient.connect(db) for _ in range(CLIENTS)]
        attached.set()
        await asyncio.gather(*map(take, clients))

    asyncio.run(attend())


# --- memory


def memory_figures(ledger: Path, minutes: float) -> list[Figure]:
    """Resident memory of a console over 1,000 cycles a minute, once it keeps all it ever will."""
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        home = Path(name)
        db = copied(ledger, home / "memory")
        pace = ("--interval", "60ms", "--lookback", "5s")
        with engine_on(db, *pace), Terminal("watch", "--db", db, home=home) as terminal:
            terminal.until_seen("running every")
            kept = _cycles(db) + KEPT
            until(lambda: _cycles(db) > kept)
            first, begun, started = _resident(terminal), _cycles(db), time.monotonic()
            time.sleep(minutes * 60)
            last, ended = _resident(terminal), _cycles(db)
            rate = (ended - begun) / (time.monotonic() - started) * 60
    note = f"{first:.1f} → {last:.1f} MiB over {minutes:g} min at {rate:,.0f} cycles a minute"
    return [Figure("memory: growth under live updates", last - first, "MiB", None, note)]


def _resident(terminal: Terminal) -> float:
    """The least of a few looks: what is about to be freed does not count."""
    looks = []
    for _ in range(10):
        looks.append(resident_mib(terminal.pid, *children(terminal.pid)))
        time.sleep(0.2)
    return min(looks)
