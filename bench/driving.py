"""What the console's benchmarks share: the program in a pty, its processes, and figures."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.terminal import PROGRAM, Terminal, environment

PATIENCE_S = 120.0
POLL_S = 0.005
CPU_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


@dataclass(frozen=True)
class Figure:
    """One line of the table. A goal is a limit: the figure is not to be above it."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    def __str__(self) -> str:
        value = f"{self.value:>11,.2f} {self.unit:<10}"
        if self.goal is None:
            return f"{self.name:<52}{value}{'':>14}  {self.note}".rstrip()
        kept = "ok" if self.value <= self.goal else "ABOVE"
        return f"{self.name:<52}{value}{f'≤ {self.goal:g}':>8} {kept:<5}  {self.note}".rstrip()


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def high(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


# --- processes, as Linux tells of them


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CPU_TICKS


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def resident_mib(*pids: int) -> float:
    """Memory that is in RAM, of all of them."""
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return sum(pages) * PAGE_BYTES / MIB


def core_share(pids: Sequence[int], seconds: float) -> float:
    """Percent of one core that processes take, over so many seconds."""
    before, begun = sum(map(cpu_seconds, pids)), time.monotonic()
    time.sleep(seconds)
    return (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - begun) * 100


# --- ledgers and engines


def traded(folder: Path, cycles: int = 60) -> Path:
    """A ledger of simulated cycles in a new folder, and nobody on it."""
    folder.mkdir()
    db = folder / "l.db"
    flags = ("--db", str(db), "--cycles", str(cycles), "--interval", "1ms")
    _run("run", *flags, folder=folder).wait()
    return db


def copied(db: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in db.parent.glob("l.*"):
        shutil.copy(file, folder)
    return folder / db.name


@contextmanager
def engine_on(db: Path, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """`cycledeck run` on a ledger, ready to be attached to."""
    process = _run("run", "--db", str(db), *flags, folder=db.parent)
    try:
        until(Path(f"{db}.sock").exists)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _run(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(PROGRAM), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(folder),
        cwd=folder,
    )


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE_S} s")
        time.sleep(POLL_S)


def python(code: str) -> tuple[str, ...]:
    """The command that runs a program's text."""
    return (sys.executable, "-c", code)


# --- what is painted


def painted(terminal: Terminal, text: str, since: int = 0) -> float:
    """When the bytes of a text, written from chunk `since` on, were there; monotonic."""
    wanted = text.encode()
    until(lambda: wanted in b"".join(chunk for _, chunk in terminal.chunks[since:]))
    seen = b""
    for when, chunk in terminal.chunks[since:]:
        seen += chunk
        if wanted in seen:
            return when
    raise AssertionError("unreachable")


def answered(terminal: Terminal, key: str, text: str = "") -> float:
    """Milliseconds from a key to the bytes of a text, or, without one, to the next bytes."""
    since = len(terminal.chunks)
    pressed = time.monotonic()
    terminal.press(key)
    if text:
        return (painted(terminal, text, since) - pressed) * 1_000
    until(lambda: len(terminal.chunks) > since)
    return (terminal.chunks[since][0] - pressed) * 1_000
