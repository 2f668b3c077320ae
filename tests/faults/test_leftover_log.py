"""FAULTS 43: a file put back over a leftover log is told before anything is read through it."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from console.browser.client import Browser
from console.browser.errors import BrowseError
from engine import Engine, History, LeftoverLog
from engine.store import wal_format
from engine.store.leftover_log import check_log
from tests.builders import cycledeck, finished, opened, reported, rows, serve, settings_in, started
from tests.faults.scenarios import books, health
from tests.faults.test_storage_faults import copied

CYCLES = 9
ROUNDS = (3, 6)
ENDINGS = ("", "-wal", "-shm", "-journal")


def backup(ledger: Path, copy: Path) -> None:
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def vacuumed(ledger: Path, copy: Path) -> None:
    with closing(sqlite3.connect(ledger)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))


def plain(ledger: Path, copy: Path) -> None:
    shutil.copyfile(ledger, copy)


COPYING: tuple[Callable[[Path, Path], None], ...] = (backup, plain, vacuumed)


def story(folder: Path) -> Path:
    """A ledger whose engine was killed after its last cycle, beside it copies of all kinds that
    were made after each cycle. Its log was begun anew after some of them."""
    return asyncio.run(_story(folder))


async def _story(folder: Path) -> Path:
    source = folder / "fills.jsonl"
    settings = settings_in(folder, serve(source, []), symbols=("BTC/USDT",))
    fills = []
    async with Engine(settings) as engine:
        for number in range(1, CYCLES + 1):
            fills.append(reported(str(number), ts=1_000 * number))
            serve(source, fills)
            await engine.cycle()
            for copying in COPYING:
                copying(settings.db, folder / f"{copying.__name__}-{number}.db")
            if number in ROUNDS:
                with opened(settings.db) as ledger:
                    assert rows(ledger, "PRAGMA wal_checkpoint(RESTART)")[0][0] == 0
        return copied(settings.db, folder / "killed")


def put_back(killed: Path, copy: Path, folder: Path) -> Path:
    """The killed ledger in a folder of its own, the copy in its place."""
    folder.mkdir()
    ledger = folder / killed.name
    shutil.copyfile(copy, ledger)
    shutil.copyfile(f"{killed}-wal", f"{ledger}-wal")
    return ledger


def test_a_copy_put_back_over_a_log_is_refused_or_is_the_ledger_that_the_log_is_of(
    tmp_path: Path,
) -> None:
    """Copies of any kind, of any moment: what is read is never of two states."""
    killed = story(tmp_path)
    expected = books(put_back(killed, killed, tmp_path / "read"))
    refused = set()
    for copying in COPYING:
        for number in range(1, CYCLES + 1):
            name = f"{copying.__name__}-{number}"
            ledger = put_back(killed, tmp_path / f"{name}.db", tmp_path / name)
            try:
                check_log(ledger)
            except LeftoverLog:
                refused.add((copying.__name__, number))
            else:
                assert books(ledger) == expected, name
                assert list(health(ledger)) == [], name
    # Those of the log's own round are what it was written on.
    own = range(ROUNDS[-1] + 1, CYCLES + 1)
    before = {(way.__name__, number) for way in COPYING for number in range(1, ROUNDS[-1])}
    assert before <= refused
    assert not {("backup", number) for number in own} & refused


@pytest.mark.parametrize("number", [1, ROUNDS[0], ROUNDS[-1] - 1])
def test_every_command_tells_a_file_that_was_put_back_and_changes_nothing(
    number: int, tmp_path: Path
) -> None:
    killed = story(tmp_path)
    ledger = put_back(killed, tmp_path / f"backup-{number}.db", tmp_path / "put")
    before = {ending: content(ledger, ending) for ending in ENDINGS}
    venue = ("--venue", f"recorded:{tmp_path / 'fills.jsonl'}")
    for command in (
        ("once", *venue), ("run", "--cycles", 1, *venue), ("replay", 1),
        ("replay", 1, "--rehearse"),
        ("verify",), ("head",), ("status",), ("export", "ledger_events"), ("metrics", "backfill"),
        ("quarantine", "list"), ("quarantine", "resolve", 1, "--drop"),
    ):  # fmt: skip
        ran = cycledeck(*command, "--db", ledger)
        assert (ran.code, ran.out) == (1, "") or command[0] == "run", command
        assert "the log beside it are not of one state: the file is older" in ran.err, command
        assert "move ledger.db-wal" in ran.err, command
    with pytest.raises(LeftoverLog):
        asyncio.run(History.open(ledger))
    with pytest.raises(BrowseError, match="not of one state"):
        asyncio.run(Browser.start(ledger))
    assert {ending: content(ledger, ending) for ending in ENDINGS} == before


def content(ledger: Path, ending: str) -> bytes | None:
    path = Path(f"{ledger}{ending}")
    return path.read_bytes() if path.exists() else None


def test_with_the_log_moved_away_as_told_the_copy_is_a_ledger_again(tmp_path: Path) -> None:
    killed = story(tmp_path)
    ledger = put_back(killed, tmp_path / "backup-2.db", tmp_path / "put")
    Path(f"{ledger}-wal").rename(tmp_path / "aside")
    ran = cycledeck("once", "--db", ledger, "--venue", f"recorded:{tmp_path / 'fills.jsonl'}")
    assert ran.code == 0
    assert list(health(ledger)) == []
    assert books(ledger)["claims"] == books(killed)["claims"]


def test_a_newer_file_over_an_older_log_is_told(tmp_path: Path) -> None:
    source = serve(tmp_path / "fills.jsonl", [reported("1")])
    ledger = tmp_path / "ledger.db"
    once = ("once", "--db", ledger, "--venue", f"recorded:{source}")
    assert cycledeck(*once).code == 0
    with closing(sqlite3.connect(ledger)) as reader:
        reader.execute("SELECT * FROM lease").fetchall()  # The last one to close takes the log.
        assert cycledeck(*once).code == 0
        old = copied(ledger, tmp_path / "old")
    assert cycledeck(*once).code == 0
    shutil.copyfile(f"{old}-wal", f"{ledger}-wal")
    ran = cycledeck("status", "--db", ledger)
    assert ran.code == 1
    assert "not of one state: the file is newer" in ran.err


@pytest.mark.parametrize("there", [True, False], ids=["empty", "missing"])
def test_a_log_whose_file_is_gone_is_not_thrown_away_by_a_start(
    there: bool, tmp_path: Path
) -> None:
    """A ledger made in its place would take the log with it."""
    killed = story(tmp_path)
    killed.write_bytes(b"") if there else killed.unlink()
    log = content(killed, "-wal")
    ran = cycledeck("once", "--db", killed, "--venue", f"recorded:{tmp_path / 'fills.jsonl'}")
    assert ran.code == 1
    assert "the file is empty or missing" in ran.err
    assert content(killed, "-wal") == log
    assert killed.exists() is there


def test_another_ledgers_file_and_another_programs_are_told(tmp_path: Path) -> None:
    killed = story(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    venue = f"recorded:{tmp_path / 'fills.jsonl'}"
    for _ in range(30):
        assert cycledeck("once", "--db", other / "l.db", "--venue", venue).code == 0
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(900000))")
    for name, file in (("l", other / "l.db"), ("f", foreign)):
        ledger = put_back(killed, file, tmp_path / name)
        ran = cycledeck("status", "--db", ledger)
        assert (ran.code, ran.out) == (1, "")
        assert "not of one state" in ran.err


def test_a_log_that_an_engine_left_when_it_was_killed_is_its_own(tmp_path: Path) -> None:
    """At whatever moment, and while one writes: nobody is refused who needs not be."""
    venue = serve(tmp_path / "fills.jsonl", [reported("1")])
    arguments = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{venue}")
    for _ in range(3):
        process = started("run", "--json", "--interval", 0, *arguments)
        assert process.stdout is not None
        assert process.stdout.readline()
        for _ in range(5):
            ran = cycledeck("status", "--json", *arguments[:2])
            assert ran.code == 0, ran.err
        process.kill()
        finished(process)
        assert cycledeck("status", *arguments[:2]).code == 0
    assert cycledeck("verify", *arguments[:2]).code == 0


def test_a_log_is_told_from_the_next_one_by_each_transaction(tmp_path: Path) -> None:
    """`beats` counts them: of two states of a ledger no two have the same number."""
    venue = serve(tmp_path / "fills.jsonl", [reported("1")])
    seen = []
    for command in (("once", "--venue", f"recorded:{venue}"), ("metrics", "backfill")):
        assert cycledeck(*command, "--db", tmp_path / "ledger.db").code == 0
        with opened(tmp_path / "ledger.db") as ledger:
            seen += rows(ledger, "SELECT beats FROM lease")
    assert seen[0] > 4  # Taken, identified, inputs, TX 1, TX 2, released.
    assert seen[1] == seen[0]  # Nothing was changed.


def test_a_transaction_that_was_cut_off_is_none_of_the_log(tmp_path: Path) -> None:
    """Its last frame may have its header and not yet its page: what is there is of a round before,
    and neither SQLite nor this reads it."""
    killed = story(tmp_path)
    log = Path(f"{killed}-wal")
    header = log.read_bytes()[:32]
    [(size, lease)] = _pages(killed)
    # One row, whose last column is a large number, in the only frame: a commit without its sum.
    row = bytes([11, 1, 3, 0, 6]) + (10**12).to_bytes(8, "big")
    at = size - len(row)
    page = bytes([13, 0, 0, 0, 1]) + at.to_bytes(2, "big") + b"\0" + at.to_bytes(2, "big")
    frame = lease.to_bytes(4, "big") + (99).to_bytes(4, "big") + header[16:24] + bytes(8)
    log.write_bytes(header + frame + page + bytes(at - len(page)) + row)
    assert wal_format.last_integer(log.read_bytes()[56:]) == 10**12
    check_log(killed)
    assert cycledeck("verify", "--db", killed).code == 0


def _pages(ledger: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        return file.execute(
            "SELECT page_size, rootpage FROM pragma_page_size, sqlite_master WHERE name = 'lease'"
        ).fetchall()
