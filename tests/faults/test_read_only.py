"""A ledger beside which nothing can be written is read all the same."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.errors import StoreLocked
from engine.store.readstore import ReadStore
from engine.store.tx import Tx
from tests.builders import Ran, cycledeck, reported, serve
from tests.denied import denied

UNSHARED = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
EVENTS = ["export", "ledger_events"]
LOOKING = (["status"], ["verify"], EVENTS, ["quarantine", "list"])
REMEDY = "Copy the file and its -wal into a folder of your own and read the copy"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger that nobody has open: without a log."""
    path = tmp_path / "books" / "ledger.db"
    path.parent.mkdir()
    venue = serve(tmp_path / "fills.jsonl", [reported("1")])
    assert cycledeck("once", "--db", path, "--venue", f"recorded:{venue}").code == 0
    assert not Path(f"{path}-wal").exists()
    return path


# Several commands, one after another in one process: what each of them left.
EACH = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.builders import cycledeck
ran = [cycledeck(*command, "--db", sys.argv[2]) for command in json.loads(sys.argv[3])]
print(json.dumps([[one.code, one.out, one.err] for one in ran]))
"""


def mounted(ledger: Path, mount: str, *commands: list[str]) -> list[Ran]:
    """Commands where `mount`, a script with the ledger's folder as $1, has made it so."""
    if subprocess.run([*UNSHARED, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    root = Path(__file__).parents[2]
    each = [sys.executable, "-c", EACH, str(root), str(ledger), json.dumps(commands)]
    ran = subprocess.run(
        [*UNSHARED, "sh", "-ec", f'{mount}; shift; exec "$@"', "sh", str(ledger.parent), *each],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [Ran(*one) for one in json.loads(ran.stdout)]


READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"'
FULL = (
    'cp "$1"/ledger.db "$1"/../copy.db; mount -t tmpfs -o size=2m none "$1"; '
    'cp "$1"/../copy.db "$1"/ledger.db; dd if=/dev/zero of="$1"/rest 2>/dev/null || true'
)


@pytest.mark.parametrize("mount", [READ_ONLY, FULL], ids=["read-only", "full"])
def test_a_ledger_on_media_that_take_no_more_is_read(mount: str, ledger: Path) -> None:
    """FAULTS 40."""
    for command, ran in zip(LOOKING, mounted(ledger, mount, *LOOKING), strict=True):
        assert (ran.code, ran.err) == (0, ""), command
        assert "fill:1" in ran.out or command != EVENTS


def test_a_log_that_cannot_be_read_there_is_told_with_the_remedy(ledger: Path) -> None:
    """FAULTS 40: what is in it would be missing."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("UPDATE schema_migrations SET applied_ms = 1")
        connection.commit()
        copy = ledger.parent.parent / "copied"
        copy.mkdir()
        for end in ("", "-wal"):
            shutil.copy(f"{ledger}{end}", copy)
    (ran,) = mounted(copy / ledger.name, READ_ONLY, ["status"])
    assert ran.code == 1
    assert REMEDY in ran.err
    assert "Traceback" not in ran.err


@pytest.fixture
def of_another(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ledger that anybody may read, in a folder where only its owner may write."""
    folder = Path(tempfile.mkdtemp(prefix="books-"))
    copy = Path(shutil.copy(ledger, folder))
    copy.chmod(0o644)
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    yield copy
    shutil.rmtree(folder)


@contextmanager
def without_the_right_to_write(ledger: Path) -> Iterator[None]:
    """As somebody else where this is root, who may do anything."""
    with denied(ledger.parent):
        if os.geteuid() == ledger.parent.stat().st_uid:
            ledger.parent.chmod(0o500)
        yield
    ledger.parent.chmod(0o755)


def test_a_ledger_in_a_folder_without_the_right_to_write_is_read(of_another: Path) -> None:
    """FAULTS 40."""
    with without_the_right_to_write(of_another):
        for arguments in LOOKING:
            ran = cycledeck(*arguments, "--db", of_another)
            assert (ran.code, ran.err) == (0, ""), arguments
    assert sorted(path.name for path in of_another.parent.iterdir()) == ["closed", of_another.name]


async def test_what_somebody_writes_meanwhile_is_read(of_another: Path) -> None:
    """FAULTS 40: a file that was still is read anew, and not torn, once it is not."""
    with without_the_right_to_write(of_another):
        store = await ReadStore.open(of_another)
        assert len(await store.read(lambda tx: tx.named("cursors_all"))) == 1
    try:
        with closing(sqlite3.connect(of_another)) as connection:
            connection.execute("DELETE FROM cursors")
            connection.commit()
            assert await store.read(lambda tx: tx.named("cursors_all")) == []
    finally:
        await store.close()


async def test_a_read_during_which_somebody_began_to_write_has_no_outcome(of_another: Path) -> None:
    """FAULTS 40: what it read may be torn."""
    with without_the_right_to_write(of_another):
        store = await ReadStore.open(of_another)
    writer = sqlite3.connect(of_another, check_same_thread=False)

    def work(tx: Tx) -> None:
        writer.execute("DELETE FROM cursors")
        writer.commit()

    try:
        with pytest.raises(StoreLocked, match="somebody does: read it again"):
            await store.read(work)
        assert await store.read(lambda tx: tx.named("cursors_all")) == []
    finally:
        await store.close()
        writer.close()
