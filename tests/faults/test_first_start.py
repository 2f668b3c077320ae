"""FAULTS 36: killed at any file operation of its first start, a ledger is never lost for it."""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from console.browser.client import Browser
from console.browser.errors import BrowseError
from tests.builders import cycledeck, reported, serve
from tests.cases import mostly_long
from tests.faults.scenarios import health

FILES = ("", "-wal", "-shm", "-journal", ".lock")
# What changes a file, or makes, names or removes one; `open` makes some.
CALLS = (
    "unlink,unlinkat", "ftruncate", "fchmod", "flock", "fdatasync,fsync", "openat",
    "pwrite64,write",
)  # fmt: skip
LOOKING = (("status",), ("verify",), ("head",), ("export", "ledger_events"), ("quarantine", "list"))
# What a refusal tells to do.
REMEDIES = (
    "no engine has used it yet", "Start an engine on it", "there is no ledger at",
    "An engine of this program brings it up to date when it starts",
)  # fmt: skip


def killed(ledger: Path, calls: str, at: int, venue: str) -> bool:
    """Kill a first start when one of its threads does such a call for the `at`th time; false where
    none does it so often."""
    ledger.parent.mkdir()
    arguments = ["once", "--db", str(ledger), "--venue", venue]
    paths = [f"{file}{ending}" for file in (ledger, _exchange(ledger)) for ending in FILES]
    ran = subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}"),
            *("-e", f"inject={calls}:signal=KILL:when={at}"),
            *(part for path in paths for part in ("-P", path)),
            *(sys.executable, "-m", "engine.cli", *arguments),
        ],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if ran.returncode == 0:
        return False
    assert ran.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), ran.stderr
    return True


def _exchange(ledger: Path) -> Path:
    return ledger.with_suffix(".sim.db")


def problems(ledger: Path, venue: str) -> Iterator[str]:
    """What is wrong after a kill: with looking, which changes nothing, and with the next start."""
    for command in LOOKING:
        ran = cycledeck(*command, "--db", ledger)
        refused = ran.code == 1 and any(remedy in ran.err for remedy in REMEDIES)
        if ran.code and not refused:
            yield f"{command}: {ran.code} {ran.err}"
    ran = cycledeck("once", "--json", "--db", ledger, "--venue", venue)
    if ran.code or ran.json["status"] != "ok":
        yield f"once: {ran.code} {ran.out} {ran.err}"
        return
    for command in LOOKING:
        ran = cycledeck(*command, "--db", ledger)
        if ran.code:
            yield f"{command} afterwards: {ran.code} {ran.out} {ran.err}"
    yield from health(ledger)


@pytest.fixture(scope="module", autouse=True)
def _traced() -> None:
    command = ["strace", "-f", "-e", "inject=unlink:signal=KILL:when=1", "true"]
    if shutil.which("strace") is None:
        pytest.skip("strace is absent")
    if (ran := subprocess.run(command, capture_output=True, text=True)).returncode:
        pytest.skip(f"strace may not trace here: {ran.stderr}")


# Among the first ones of them; the long test has each one.
@mostly_long(("calls", "ats"), [
    ("fdatasync,fsync", (3,)), ("pwrite64,write", (60,)), ("openat", (4,)),
    ("unlink,unlinkat", (1, 2)), ("ftruncate", (1,)),
], usual=3)  # fmt: skip
def test_killed_at_a_file_operation_of_its_first_start(
    calls: str, ats: tuple[int, ...], tmp_path: Path
) -> None:
    venue = f"recorded:{serve(tmp_path / 'fills.jsonl', [reported('1')])}"
    for at in ats:
        ledger = tmp_path / f"{at}" / "ledger.db"
        assert killed(ledger, calls, at, venue), f"no {calls} number {at}"
        assert list(problems(ledger, venue)) == [], f"{calls} number {at}"


def test_a_first_write_that_is_to_be_undone_is_told_and_undone_by_the_next_start(
    tmp_path: Path,
) -> None:
    """A reader may not undo it, and reads nothing that was not meant to stay."""
    venue = f"recorded:{serve(tmp_path / 'fills.jsonl', [reported('1')])}"
    ledger = tmp_path / "books" / "ledger.db"
    assert killed(ledger, "unlink,unlinkat", 1, venue)
    assert Path(f"{ledger}-journal").stat().st_size
    for command in LOOKING:
        ran = cycledeck(*command, "--db", ledger)
        assert (ran.code, ran.out) == (1, "")
        assert "left in the middle of its first write" in ran.err
    with pytest.raises(BrowseError, match="left in the middle of a write"):
        asyncio.run(_looked_at(ledger))
    assert cycledeck("once", "--db", ledger, "--venue", venue).code == 0
    assert cycledeck("verify", "--db", ledger).code == 0


async def _looked_at(ledger: Path) -> None:
    browser = await Browser.start(ledger)
    try:
        await browser.tables()
    finally:
        await browser.close()


def test_a_ledger_put_back_over_the_journal_of_a_first_start_is_not_cut_by_it(
    tmp_path: Path,
) -> None:
    """FAULTS 43: SQLite would undo that start in the file that was put back, and leave nothing."""
    venue = f"recorded:{serve(tmp_path / 'fills.jsonl', [reported('1')])}"
    ledger, whole = tmp_path / "books" / "ledger.db", tmp_path / "whole.db"
    assert killed(ledger, "unlink,unlinkat", 1, venue)
    assert cycledeck("once", "--db", whole, "--venue", venue).code == 0
    content = shutil.copyfile(whole, ledger).read_bytes()
    for command in (*LOOKING, ("once", "--venue", venue)):
        ran = cycledeck(*command, "--db", ledger)
        assert (ran.code, ran.out) == (1, "")
        assert "are not of one state: a journal of" in ran.err
    assert ledger.read_bytes() == content
    Path(f"{ledger}-journal").unlink()
    assert cycledeck("verify", "--db", ledger).code == 0


# There are hundreds of writes, and a process for each kill: each so-manieth of them. What each of
# them leaves is rebuilt by the tests of power cuts.
EACH = {"pwrite64,write": 16}


@pytest.mark.long
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("kind", ["recorded", "sim"])
@pytest.mark.timeout(3_000)
def test_killed_at_any_file_operation_of_its_first_start(
    calls: str, kind: str, tmp_path: Path
) -> None:
    fills = serve(tmp_path / "fills.jsonl", [reported("1")])
    venue = f"recorded:{fills}" if kind == "recorded" else "sim"
    kills = 0
    for at in count(1, EACH.get(calls, 1)):
        ledger = tmp_path / f"{at}" / "ledger.db"
        if not killed(ledger, calls, at, venue):
            break
        kills += 1
        assert list(problems(ledger, venue)) == [], f"{calls} number {at}"
        shutil.rmtree(ledger.parent)
    print(f"{kills} kills at {calls} of a first start on {kind}")
    assert kills > 0
