"""A ledger beside which nothing can be written is read all the same."""

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
from tests.builders import cycledeck, reported, serve
from tests.denied import denied

UNSHARED = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
LOOKING = (["status"], ["verify"], ["export", "ledger_events"], ["quarantine", "list"])
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


def mounted(ledger: Path, mount: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """A command where `mount`, a script with the ledger's folder as $1, has made it so."""
    if subprocess.run([*UNSHARED, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    command = [sys.executable, "-m", "engine.cli", *arguments, "--db", str(ledger)]
    return subprocess.run(
        [*UNSHARED, "sh", "-ec", f'{mount}; shift; exec "$@"', "sh", str(ledger.parent), *command],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"'
FULL = (
    'cp "$1"/ledger.db "$1"/../copy.db; mount -t tmpfs -o size=2m none "$1"; '
    'cp "$1"/../copy.db "$1"/ledger.db; dd if=/dev/zero of="$1"/rest 2>/dev/null || true'
)


@pytest.mark.parametrize("mount", [READ_ONLY, FULL], ids=["read-only", "full"])
def test_a_ledger_on_media_that_take_no_more_is_read(mount: str, ledger: Path) -> None:
    """FAULTS 40."""
    for arguments in LOOKING:
        ran = mounted(ledger, mount, arguments)
        assert (ran.returncode, ran.stderr) == (0, ""), arguments
    assert "fill:1" in mounted(ledger, mount, ["export", "ledger_events"]).stdout


def test_a_log_that_cannot_be_read_there_is_told_with_the_remedy(ledger: Path) -> None:
    """FAULTS 40: what is in it would be missing."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("UPDATE schema_migrations SET applied_ms = 1")
        connection.commit()
        copy = ledger.parent.parent / "copied"
        copy.mkdir()
        for end in ("", "-wal"):
            shutil.copy(f"{ledger}{end}", copy)
    ran = mounted(copy / ledger.name, READ_ONLY, ["status"])
    assert ran.returncode == 1
    assert REMEDY in ran.stderr
    assert "Traceback" not in ran.stderr


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
