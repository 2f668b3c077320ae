"""FAULTS 8: the power fails at any moment, and any part of what was not synced is lost or torn.

The file operations of a real engine are recorded, and what they can have left on the disk by then
is rebuilt. The disk that is believed keeps what was synced, and names in the order of their giving.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import opened, rows
from tests.cases import mostly_long
from tests.faults.power_cuts import (
    FILES,
    LEDGER,
    Cut,
    Disk,
    Operation,
    cuts,
    everything,
    operations,
    record,
)
from tests.faults.scenarios import Books, RecordedStory, books, health
from tests.shared import made_once

pytestmark = pytest.mark.usefixtures("quiet")

Chain = list[tuple[int, bytes]]
PARTS = 12


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder in which an engine went through its story, and the log of what it did there."""
    if shutil.which("strace") is None:
        pytest.skip("strace is absent")
    ran = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if ran.returncode:
        pytest.skip(f"strace may not trace here: {ran.stderr}")
    return made_once(tmp_path_factory, worker_id, "power-cuts", _record)


def _record(folder: Path) -> None:
    (folder / "books").mkdir()
    record(folder / "books", folder / "log")


@pytest.fixture(scope="session")
def done(recorded: Path) -> list[Operation]:
    return operations(recorded / "log")


def chain(ledger: Path) -> Chain:
    """Every commit's number and hash; empty where there is no ledger yet."""
    with opened(ledger) as connection:
        if not rows(connection, "SELECT 1 FROM sqlite_master WHERE name = 'ledger_commits'"):
            return []
        return rows(connection, "SELECT commit_seq, hash FROM ledger_commits ORDER BY 1")


def left_by(cut: Cut, folder: Path) -> Path:
    """The ledger as a cut left it."""
    folder.mkdir(parents=True)
    for name, content in cut.image.items():
        (folder / name).write_bytes(content)
    return folder / LEDGER


def lost(cut: Cut, folder: Path, whole: Chain) -> Iterator[str]:
    """What is wrong with what a cut left, before any engine starts on it."""
    ledger = left_by(cut, folder)
    there = chain(ledger) if ledger.exists() else []
    if len(there) < cut.noted:
        yield f"{cut.noted} commits were told, {len(there)} are there"
    if there != whole[: len(there)]:
        yield f"the commits are others: {there}"
    if there:
        with opened(ledger) as connection:
            integrity = rows(connection, "PRAGMA integrity_check")
        if integrity != ["ok"]:
            yield f"integrity_check: {integrity[:3]}"
        yield from unsound(ledger)


def undone(cut: Cut, folder: Path, whole: Chain, expected: Books) -> Iterator[str]:
    """What is wrong after the next start and what was due."""
    story = RecordedStory(left_by(cut, folder).parent)
    asyncio.run(story.recover())
    yield from story.problems(expected)
    if chain(story.ledger)[: cut.noted] != whole[: cut.noted]:
        yield "the next start changed what had been told"


def unsound(ledger: Path) -> Iterator[str]:
    """Metrics and the marks of a cycle's end are made up for by the next start."""
    for problem in health(ledger):
        if "metrics" not in problem and "in the ledger" not in problem:
            yield problem


def test_the_whole_record_gives_the_files_as_they_are(
    recorded: Path, done: list[Operation]
) -> None:
    """Nothing that the engine did to them is missing in it."""
    disk = Disk(recorded / "books")
    for operation in done:
        disk.do(operation)
    there = {name: recorded / "books" / name for name in FILES}
    content = {name: path.read_bytes() for name, path in there.items() if path.exists()}
    assert disk.image(everything, 1) == content
    assert disk.noted == [1, 2, 3, 4, 5, 6]
    calls = {(operation.call, operation.path.name) for operation in done}
    assert {("sync", LEDGER), ("sync", f"{LEDGER}-wal"), ("remove", f"{LEDGER}-wal")} <= calls


def test_a_commit_that_was_told_before_it_was_synced_would_be_missed(
    recorded: Path, done: list[Operation], memory_folder: Path
) -> None:
    """Of an engine that leaves the syncing of its log to checkpoints, a cut loses what it told."""
    careless = [o for o in done if (o.call, o.path.name) != ("sync", f"{LEDGER}-wal")]
    told = [at for at, operation in enumerate(careless, 1) if operation.call == "note"]
    whole = chain(recorded / "books" / LEDGER)
    wrong = {
        str(cut): list(lost(cut, memory_folder / str(cut), whole))
        for cut in cuts(recorded / "books", careless, told)
    }
    assert not any(problems for cut, problems in wrong.items() if "all" in cut)
    assert any("were told" in problem for problems in wrong.values() for problem in problems)


@mostly_long("part", [None, *range(PARTS)])
@pytest.mark.timeout(1_200)
def test_after_a_power_cut_at_any_moment_no_cycle_that_was_told_is_lost(
    part: int | None, recorded: Path, done: list[Operation], memory_folder: Path
) -> None:
    """By default at some moments; the long tests take each one, in so many parts."""
    whole = chain(recorded / "books" / LEDGER)
    sound = RecordedStory(memory_folder / "sound")
    sound.folder.mkdir()
    shutil.copy(recorded / "books" / LEDGER, sound.ledger)
    asyncio.run(sound.recover())
    expected = books(sound.ledger)
    at = range(40, len(done), 73) if part is None else range(1 + part, len(done) + 1, PARTS)
    found, images = {}, 0
    for cut in cuts(recorded / "books", done, at, range(1 if part is None else 2)):
        images += 1
        folder = memory_folder / f"{images}"
        wrong = [
            *lost(cut, folder / "looked-at", whole),
            *undone(cut, folder / "started-on", whole, expected),
        ]
        if wrong:
            found[str(cut)] = wrong
        shutil.rmtree(folder)
    print(f"{images} images of {len(at)} moments, {len(done)} operations recorded")
    assert found == {}
    assert images > len(at) / 2
