"""Standard input, output and error of the real process: closed, full, unread, left."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import reported, serve
from tests.cases import mostly_long
from tests.faults.scenarios import health

# What the log says for each cycle fills a pipe within a few hundred of them.
LOUD = {"CYCLEDECK_LOG__LEVEL": "debug"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "engine.cli", *map(str, arguments)]


def running(*arguments: object, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(*arguments), env=os.environ | LOUD, **streams)


def cycles_in(ledger: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM cycles").fetchone()
        return int(count)


@pytest.fixture
def unread() -> Iterator[int]:
    """The writing end of a pipe that is full, and that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 65_536)
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def left() -> Iterator[int]:
    """The writing end of a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.fixture
def full() -> Iterator[int]:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is full")
    device = os.open("/dev/full", os.O_WRONLY)
    yield device
    os.close(device)


@mostly_long("kind", ["unread", "left", "full"])
def test_no_reader_of_the_log_fails_or_stalls_a_cycle(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """FAULTS 35."""
    ledger = tmp_path / "ledger.db"
    stream = request.getfixturevalue(kind)
    process = running(
        "run", "--json", "--cycles", 5, "--interval", "1ms", "--db", ledger,
        stdout=subprocess.PIPE, stderr=stream,
    )  # fmt: skip
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    results = [json.loads(line) for line in out.splitlines()]
    assert [result["cycle_id"] for result in results] == [1, 2, 3, 4, 5]
    assert cycles_in(ledger) == 5
    assert list(health(ledger)) == []


@mostly_long("stream", ["stdout", "stderr"])
def test_a_signal_ends_an_engine_whose_output_nobody_reads(
    stream: str, tmp_path: Path, unread: int
) -> None:
    """FAULTS 35: within its bound, and after its running cycle."""
    ledger = tmp_path / "ledger.db"
    other = "stderr" if stream == "stdout" else "stdout"
    with (tmp_path / "other").open("w+b") as file:
        process = running(
            "run", "--json", "--interval", "1ms", "--db", ledger, **{stream: unread, other: file}
        )
        until_cycles(ledger, 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert list(health(ledger)) == []


def until_cycles(ledger: Path, count: int) -> None:
    from tests.e2e.processes import until

    def reached() -> bool:
        with contextlib.suppress(sqlite3.Error):
            return cycles_in(ledger) >= count
        return False

    until(reached)


def test_log_lines_that_were_lost_are_counted_and_told_once_there_is_room(tmp_path: Path) -> None:
    """FAULTS 35: the reader sleeps for longer than there is room for, then reads on."""
    from engine.line_writer import ROOM, LineWriter

    reader, writing = os.pipe()
    told: list[int] = []
    with os.fdopen(writing, "w") as stream:
        writer = LineWriter(stream, lambda error: None, told.append)
        for number in range(3 * ROOM):
            writer.write(f"{number:>99}\n")
        assert writer.lost > 0
        lost = writer.lost
        received = b""
        os.set_blocking(reader, False)
        while not writer.drain(0.001):
            with contextlib.suppress(BlockingIOError):
                received += os.read(reader, 65_536)
        assert told == [lost]
    with os.fdopen(reader, "rb") as rest:
        received += rest.read()
    assert received.count(b"\n") == 3 * ROOM - lost


LOGGING = """
import structlog
from engine import logs
from engine.line_writer import ROOM
from engine.settings import LogSettings

logs.configure(LogSettings(format="json"))
for number in range(3 * ROOM):
    structlog.get_logger().info("line", number=number, more="x" * 100)
print(3 * ROOM, flush=True)
input()
logs.standard_error().drain(60)
"""


def test_the_log_says_once_how_many_of_its_lines_were_lost(tmp_path: Path) -> None:
    """FAULTS 35: to a reader that pauses, in the format of the others."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOGGING],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    logged = int(process.stdout.readline())
    _, log = process.communicate("\n", timeout=60)
    *lines, last = [json.loads(line) for line in log.splitlines()]
    assert [line["event"] for line in lines] == ["line"] * len(lines)
    assert (last["event"], last["lines"]) == ("log_lines_lost", logged - len(lines))
    assert last["lines"] > 0


def test_an_engine_whose_results_nobody_wants_any_more_goes_on_and_says_so_once(
    tmp_path: Path,
) -> None:
    """FAULTS 45: `cycledeck run --json | head -1`."""
    ledger = tmp_path / "ledger.db"
    process = running(
        "run", "--json", "--cycles", 20, "--interval", "1ms", "--db", ledger,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["commit_seq"] == 1
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as log:
        lines = log.read().decode()
    assert process.wait(60) == 0
    assert lines.count("output_not_written") == 1
    assert "Traceback" not in lines
    assert cycles_in(ledger) == 20


CLOSED = [">&-", "<&- >&- 2>&-", "<&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-"]


@mostly_long("closed", CLOSED)
def test_with_closed_streams_each_command_does_what_it_does_and_ends_as_it_ends(
    closed: str, tmp_path: Path
) -> None:
    """FAULTS 45: no traceback, and none of their numbers is another file's."""
    ledger = tmp_path / "ledger.db"
    venue = serve(tmp_path / "fills.jsonl", [reported("1")])
    source = ("--db", str(ledger), "--venue", f"recorded:{venue}")
    for arguments in (
        ["once", *source],
        ["run", "--cycles", "2", "--interval", "1ms", "--json", *source],
        ["status", *source[:2]],
        ["verify", *source[:2]],
    ):
        ran = shell(closed, *arguments)
        assert ran.returncode == 0, ran.stderr
        assert "Traceback" not in ran.stderr
        if arguments[0] == "once" and ">&-" in closed.split() and "2>&-" not in closed:
            assert "cycle 1 committed: ok" in ran.stderr
    assert cycles_in(ledger) == 3
    assert list(health(ledger)) == []
    with contextlib.closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE stage4_positions SET qty = '7'")
    ran = shell(closed, "verify", *source[:2])
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert shell(closed, "verify", "--nonsense").returncode == 2


def shell(closed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command(*arguments)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@mostly_long("name", ["once", "verify"])
def test_a_reader_that_left_changes_no_outcome_and_is_told_it_elsewhere(
    name: str, tmp_path: Path, left: int
) -> None:
    """FAULTS 45."""
    ledger = tmp_path / "ledger.db"
    subprocess.run(command("once", "--db", ledger), check=True, capture_output=True)
    process = running(name, "--db", ledger, stdout=left, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    outcome = {"once": b"cycle 2 committed: ok", "verify": b"ok"}[name]
    assert err.splitlines()[-1].startswith(outcome + b". Standard output")
    assert b"Traceback" not in err


def test_a_commit_is_told_where_the_disk_has_no_room_for_the_result(
    tmp_path: Path, full: int
) -> None:
    """FAULTS 45."""
    process = running(
        "once", "--json", "--db", tmp_path / "l.db", stdout=full, stderr=subprocess.PIPE
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"cycle 1 committed: ok" in err
    assert err.splitlines()[-1] == b"error: standard output: No space left on device"
