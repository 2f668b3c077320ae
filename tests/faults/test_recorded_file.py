"""FAULTS 47: what is no recorded file is refused by name, in bounded time and memory."""

import asyncio
import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Engine
from engine.errors import VenueError
from engine.venues import recorded_file
from engine.venues.recorded import RecordedVenue
from tests.builders import Ran, cycledeck, finished, reported, serve, settings_in, started
from tests.cases import mostly_long

LIMIT_MIB = 400


def bounded(*arguments: object, mib: int = LIMIT_MIB) -> Ran:
    """A command as a process that may have so much memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mib * 1024 * 1024, mib * 1024 * 1024))

    ran = subprocess.run(
        [sys.executable, "-m", "engine.cli", *map(str, arguments)],
        preexec_fn=limit, capture_output=True, text=True, timeout=120,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def bomb(path: Path, line: bytes, mib: int) -> Path:
    """A packed file of so much of one line; it takes little room itself."""
    piece = gzip.compress(line * (1024 * 1024 // len(line)), 1)
    path.write_bytes(piece * mib)
    assert path.stat().st_size < mib * 12_000
    return path


@pytest.fixture(params=["pipe", "device", "folder"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "fills.jsonl"
    if request.param == "device":
        return Path("/dev/zero")
    path.mkdir() if request.param == "folder" else os.mkfifo(path)
    return path


@mostly_long("command", [("once",), ("run", "--cycles", 1)])
def test_what_is_no_file_is_refused_at_once(
    command: tuple[str, ...], no_file: Path, tmp_path: Path
) -> None:
    """A pipe would be waited for for ever; no ledger is left behind."""
    ledger = tmp_path / "ledger.db"
    ran = bounded(*command, "--db", ledger, "--venue", f"recorded:{no_file}")
    assert ran.code == 1
    assert f"recorded:{no_file}: " in ran.err
    assert "this is a pipe, a device" in ran.err or "Is a directory" in ran.err
    assert "Traceback" not in ran.err
    assert not ledger.exists()


@mostly_long(
    ("line", "mib", "reason"),
    [
        (b"x", 500, "line 1 has more than 4,194,304 characters"),
        (b'{"symbol": "BTC/USDT"}\n', 300, "take more than 100 MiB of memory"),
        (b"\0", 500, "reads like UTF-16"),
        (b"\n", 300, "take more than 100 MiB of memory"),
    ],
    usual=2,
    ids=["one line", "lines", "nul", "blank lines"],
)
def test_a_packed_file_of_gigabytes_is_refused_in_bounded_memory(
    line: bytes, mib: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "fills.jsonl.gz", line, mib)
    monkeypatch.setenv("CYCLEDECK_RECORDED__MAX_MIB", "100")
    ran = bounded("once", "--db", tmp_path / "ledger.db", "--venue", f"recorded:{path}")
    assert (ran.code, ran.out) == (1, "")
    assert reason in ran.err
    assert "nothing of it was read" in ran.err or "UTF-8 is needed" in ran.err


@mostly_long("symbols", [(), ("--symbols", "BTC/USDT,ETH/USDT")])
def test_a_file_of_lines_that_are_no_fills_is_refused_and_not_quarantined_line_by_line(
    symbols: tuple[str, ...], tmp_path: Path
) -> None:
    path = serve(tmp_path / "fills.jsonl", (f"garbage {n}" for n in range(100_000)))
    ledger = tmp_path / "ledger.db"
    ran = cycledeck("once", "--db", ledger, "--venue", f"recorded:{path}", *symbols)
    assert ran.code == 1
    assert "100,000 of 100,000 lines name no market" in ran.err
    assert "this is no file of fills; nothing of it was read" in ran.err
    assert not ledger.exists()


def test_some_unreadable_lines_among_fills_are_quarantined_as_ever(tmp_path: Path) -> None:
    fills = [reported(str(n), ts=n) for n in range(1_200)]
    path = serve(tmp_path / "fills.jsonl", [*fills, *(f"garbage {n}" for n in range(1_100))])
    ledger = tmp_path / "ledger.db"
    ran = cycledeck("once", "--json", "--db", ledger, "--venue", f"recorded:{path}")
    assert ran.code == 0
    assert ran.json["fills_count"] == 1_200
    assert len(cycledeck("quarantine", "list", "--json", "--db", ledger).json) == 1_100


async def test_a_file_that_became_another_kind_fails_its_cycles_and_is_read_once_it_is_mended(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "fills.jsonl", [reported("1")])
    async with Engine(settings_in(tmp_path, path)) as engine:
        assert (await engine.cycle()).fills_count == 1
        path.unlink()
        os.mkfifo(path)
        failed = await engine.cycle()
        assert not failed.committed
        assert "this is a pipe" in failed.errors[0].message
        path.unlink()
        serve(path, [reported("1"), reported("2", ts=2_000)])
        assert (await engine.cycle()).fills_count == 1


class Endless:
    """Lines of a file that has always one more; `reading` is set once they are read."""

    def __init__(self) -> None:
        self.reading, self.ended = threading.Event(), threading.Event()

    def texts(self, path: Path, most_mib: int, stopped: threading.Event) -> Iterator[str]:
        line = json.dumps(reported("1")) + "\n"
        while not stopped.is_set():
            self.reading.set()
            yield line
        self.ended.set()


async def test_a_file_is_read_beside_the_event_loop_and_given_up_when_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Endless()
    monkeypatch.setattr(recorded_file, "texts", endless.texts)
    venue = RecordedVenue(serve(tmp_path / "fills.jsonl", [reported("1")]))
    opening = asyncio.create_task(venue.open())
    assert await asyncio.to_thread(endless.reading.wait, 60)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert await asyncio.to_thread(endless.ended.wait, 60)


@mostly_long("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_start_that_reads_a_large_file(
    number: signal.Signals, tmp_path: Path
) -> None:
    path = bomb(tmp_path / "fills.jsonl.gz", json.dumps(reported("1")).encode() + b"\n", 600)
    ledger = tmp_path / "ledger.db"
    process = started("run", "--db", ledger, "--venue", f"recorded:{path}")
    assert process.stdout is not None
    assert process.stdout.readline()  # The heading: the settings are read.
    while path not in map(Path.resolve, Path(f"/proc/{process.pid}/fd").iterdir()):
        assert process.poll() is None
    process.send_signal(number)
    ended = finished(process, 20)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert not ledger.exists()


async def test_what_a_file_takes_in_memory_is_about_what_is_counted(tmp_path: Path) -> None:
    """So that the limit is one."""
    import tracemalloc

    fills = [reported(str(n), ts=n, order=f"order-{n}") for n in range(5_000)]
    path = serve(tmp_path / "fills.jsonl", fills)
    venue = RecordedVenue(path)
    tracemalloc.start()
    await venue.open()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counted = path.stat().st_size + len(fills) * recorded_file.LINE_BYTES
    assert 0.5 < most / counted < 1.5


def test_the_limit_of_a_file_is_a_setting(tmp_path: Path) -> None:
    path = serve(tmp_path / "fills.jsonl", [reported("1", comment="x" * 2_000_000)] * 2)
    venue = RecordedVenue(path, max_mib=3)
    with pytest.raises(VenueError, match=r"more than 3 MiB .* Raise recorded.max_mib"):
        asyncio.run(venue.open())
