"""Engines beside a console: who runs on a ledger, and commands run by their script."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.e2e.terminal import DEADLINE_S, POLL_S, PROGRAM, environment


def asked(db: Path, query: str) -> tuple[object, ...]:
    """The first row of what a query finds in a ledger; empty where there is none."""
    uri = f"{db.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=DEADLINE_S)) as connection:
        return tuple(connection.execute(query).fetchone() or ())


def engine_pid(db: Path) -> int | None:
    """The process that holds a ledger's lease; null where none does."""
    if not db.exists():
        return None
    (pid,) = asked(db, "SELECT pid FROM lease WHERE holder IS NOT NULL") or (None,)
    assert pid is None or isinstance(pid, int)
    return pid


def cycle_count(db: Path) -> int:
    (found,) = asked(db, "SELECT count(*) FROM cycles WHERE ended_ms IS NOT NULL")
    assert isinstance(found, int)
    return found


def command_line(pid: int) -> str:
    """What a process was started with; empty where there is none."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def until(condition: Callable[[], object], timeout: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(POLL_S)


def end_engine(db: Path) -> None:
    """End whatever engine runs on a ledger, and wait until it has let go of it."""
    pid = engine_pid(db)
    if pid is not None and str(db) in command_line(pid):
        os.kill(pid, signal.SIGTERM)
        until(lambda: engine_pid(db) is None)


@contextmanager
def running_engine(db: Path, home: Path, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """`cycledeck run` on a ledger, ready to be attached to."""
    process = subprocess.Popen(
        [str(PROGRAM), "run", "--db", str(db), *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(home),
        cwd=home,
    )
    try:
        until(Path(f"{db}.sock").exists)
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def command(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command by its installed script, to its end."""
    return subprocess.run(
        [str(PROGRAM), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(home),
        cwd=home,
        timeout=4 * DEADLINE_S,  # Dozens of cycles take long where much else runs.
        check=False,
    )
