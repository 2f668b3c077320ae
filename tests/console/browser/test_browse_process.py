"""The reading process: what happens to it, and to the file, while somebody looks."""

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import console
from console.browser.client import Browser
from console.browser.model import BrowseError, Count, Limits
from console.browser.reader.source import Source
from tests.console.browser.browsed import (
    DEADLINE,
    Open,
    firsts,
    insert,
    numbered,
    pid_of,
    until,
    write,
)

NOBODY = 65_534


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_closing_ends_the_process(browse: Open, tmp_path: Path) -> None:
    browser = await browse(numbered(tmp_path / "closed.db", 10))
    rows = await browser.rows("events")
    pid = pid_of(browser)
    await browser.close()
    assert not is_running(pid)
    with pytest.raises(BrowseError, match="was closed"):
        await rows.page(0, 1)
    await rows.close()
    await browser.close()


async def test_a_process_that_was_killed_is_started_again_by_the_next_call(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "killed.db", 200_000)
    browser = await browse(path)
    rows = await browser.rows("events")
    found = await browser.rows("events", search="BTC")
    result = await browser.query("SELECT 1")
    searching = asyncio.create_task(rows.find_next("nowhere to be found", 0))
    await asyncio.sleep(0)
    os.kill(pid_of(browser), signal.SIGKILL)
    with pytest.raises(BrowseError, match="ended") as raised:
        await searching
    assert raised.value.trouble == "worker"
    assert firsts(await rows.page(100_000, 1)) == ["100001"]
    await found.page(0, 1)
    await found.settled()
    assert found.count == Count(66_666, "exact", 66_666)
    with pytest.raises(BrowseError, match="run the query again") as raised:
        await result.page(0, 1)
    assert raised.value.trouble == "gone"


async def test_a_scan_that_died_with_its_process_is_not_waited_for(
    browse: Open, million: Path
) -> None:
    browser = await browse(million)
    rows = await browser.rows("events", search="nowhere to be found")
    os.kill(pid_of(browser), signal.SIGKILL)
    await asyncio.wait_for(rows.settled(), DEADLINE)
    assert rows.count.state == "at_least"


async def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    path = numbered(tmp_path / "orphan.db", 10)
    code = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from console.browser.client import Browser\n"
        "async def main():\n"
        "    browser = await Browser.start(Path(sys.argv[1]))\n"
        "    rows = await browser.query('WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
        "SELECT i + 1 FROM n) SELECT i FROM n')\n"
        "    print(browser._process._process.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    root = str(Path(console.__file__).parents[1])
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(path),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    said, _ = await parent.communicate()
    assert parent.returncode == -signal.SIGKILL
    await until(lambda: not is_running(int(said)))


async def test_a_query_is_started_from_any_folder(
    browse: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from one where a file has the name of a module."""
    (tmp_path / "json.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    path = numbered(tmp_path / "here.db", 3)
    assert len(await (await browse(path.relative_to(tmp_path))).tables()) == 1


async def test_a_replaced_file_is_noticed_and_can_be_opened_again(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "old.db", 10)
    browser = await browse(path)
    rows = await browser.rows("events")
    for leftover in tmp_path.glob("old.db-*"):
        leftover.unlink()
    numbered(tmp_path / "new.db", 20, "PRAGMA journal_mode = DELETE").replace(path)
    for _ in range(2):
        with pytest.raises(BrowseError, match="was replaced") as raised:
            await rows.page(0, 1)
        assert raised.value.trouble == "replaced"
    await browser.reopen()
    assert firsts(await rows.page(-1, 1)) == ["20"]
    assert rows.count == Count(20, "exact", 20)


async def test_a_removed_file_is_noticed(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "removed.db", 10)
    browser = await browse(path)
    path.rename(tmp_path / "elsewhere.db")
    with pytest.raises(BrowseError, match="does not exist") as raised:
        await browser.tables()
    assert raised.value.trouble == "missing"
    with pytest.raises(BrowseError):
        await browser.reopen()
    (tmp_path / "elsewhere.db").rename(path)
    await browser.reopen()
    assert len(await browser.tables()) == 1


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (None, "missing"),
        (b"This is a text file, and a rather long one at that. " * 50, "not a database"),
        (b"SQLite format 3\0" + b"\xff" * 4_000, "not a database"),
    ],
)
async def test_what_is_no_database_is_refused_when_it_is_opened(
    tmp_path: Path, content: bytes | None, trouble: str
) -> None:
    path = tmp_path / "wrong.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BrowseError) as raised:
        await Browser.start(path)
    assert raised.value.trouble == trouble
    assert str(path) in str(raised.value)


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrowseError, match="is not a file"):
        await Browser.start(tmp_path)


async def test_a_locked_database_says_so_and_reads_on_later(browse: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "locked.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    browser = await browse(path)
    rows = await browser.rows("t")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BrowseError, match="locked") as raised:
            await rows.page(0, 1)
        assert raised.value.trouble == "locked"
        with pytest.raises(BrowseError, match="locked"):
            await Browser.start(path)
    assert firsts(await rows.page(0, 1)) == ["1"]


async def test_a_damaged_page_is_an_error_for_its_rows_alone(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "damaged.db", 20_000, "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek(pages // 2 * size)
        file.write(b"\xff" * size)
    rows = await (await browse(path)).rows("events")
    await rows.settled()
    assert firsts(await rows.page(0, 1)) == ["1"]
    assert firsts(await rows.page(-1, 1)) == ["20000"]
    troubles = []
    for start in range(0, 20_000, 50):
        try:
            assert len((await rows.page(start, 50)).rows) == 50
        except BrowseError as error:
            troubles.append(error.trouble)
    assert set(troubles) == {"corrupt"}
    assert len(troubles) < 20
    found = await (await browse(path)).rows("events", search="BTC")
    await found.settled()
    assert "damaged" in found.stopped
    assert found.count.state == "at_least"
    assert firsts(await found.page(0, 1)) == ["3"]


async def test_looking_changes_nothing_and_leaves_nothing(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "kept.db", 5_000, "PRAGMA journal_mode = DELETE")
    before = path.read_bytes(), path.stat().st_mtime_ns
    browser = await browse(path)
    rows = await browser.rows("events", search="BTC")
    await rows.settled()
    await browser.query("SELECT * FROM events ORDER BY qty")
    await browser.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [child.name for child in tmp_path.iterdir()] == ["kept.db"]


async def test_memory_stays_small_however_large_the_table(browse: Open, million: Path) -> None:
    browser = await browse(million, Limits(memory_mib=256))
    rows = await browser.rows("events")
    sort = await browser.rows("events", search="T")
    await sort.settled()
    await rows.page(900_000, 100)
    status = Path(f"/proc/{pid_of(browser)}/status")
    if status.exists():
        line = next(part for part in status.read_text().splitlines() if "VmHWM" in part)
        assert int(line.split()[1]) < 100 * 1024


def test_the_process_loads_neither_a_screen_nor_an_engine() -> None:
    code = "import console.browser.worker, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert "sqlite3" in loaded
    assert not loaded & {"textual", "rich", "pydantic", "engine", "asyncio", "dataclasses"}
    assert not loaded & {"tempfile", "inspect", "pyarrow", "decimal"}


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder, and no rights but a user's."""
    folder = Path(tempfile.mkdtemp(prefix="cycledeck-"))
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


def test_a_database_in_a_folder_that_cannot_be_written_is_read() -> None:
    with unprivileged() as folder:
        path = numbered(folder / "still.db", 10)
        path.chmod(0o444)
        folder.chmod(0o555)
        with closing(Source(str(path), None, 100).connect()) as connection:
            assert connection.rows("SELECT count(*) FROM events") == [(10,)]
        assert [child.name for child in folder.iterdir()] == ["still.db"]


def test_a_log_that_cannot_be_read_is_not_passed_over() -> None:
    """Without its log the file would show rows as they were before."""
    with unprivileged() as folder:
        path = numbered(folder / "live.db", 10)
        with closing(sqlite3.connect(path)) as writer:
            writer.execute("SELECT count(*) FROM events").fetchall()
            insert(path, "events", [(11, "BTC/USDT", "1", 0)])
            copy = folder / "copied"
            copy.mkdir()
            for name in ("live.db", "live.db-wal"):
                shutil.copy(folder / name, copy / name)
        copy.chmod(0o555)
        with pytest.raises(BrowseError, match="write-ahead log") as raised:
            Source(str(copy / "live.db"), None, 100).connect()
        copy.chmod(0o755)
    assert raised.value.trouble == "permission"


def test_a_log_is_looked_for_beside_the_file_that_a_link_leads_to() -> None:
    with unprivileged() as folder:
        path = numbered(folder / "live.db", 10)
        (folder / "links").mkdir()
        link = folder / "links" / "linked.db"
        with closing(sqlite3.connect(path)) as writer:
            writer.execute("SELECT count(*) FROM events").fetchall()
            insert(path, "events", [(11, "BTC/USDT", "1", 0)])
            (folder / "copied").mkdir()
            for name in ("live.db", "live.db-wal"):
                shutil.copy(folder / name, folder / "copied" / name)
        link.symlink_to(folder / "copied" / "live.db")
        (folder / "copied").chmod(0o555)
        source = Source(str(link), None, 100)
        with pytest.raises(BrowseError, match="write-ahead log"):
            source.connect()
        assert source.is_part(folder / "copied" / "live.db-wal")
        (folder / "copied").chmod(0o755)


def test_a_file_read_as_one_nobody_writes_is_noticed_when_somebody_has() -> None:
    with unprivileged() as folder:
        path = numbered(folder / "still.db", 10)
        folder.chmod(0o555)
        source = Source(str(path), None, 100)
        with closing(source.connect()):
            source.check()
            folder.chmod(0o755)
            insert(path, "events", [(11, "BTC/USDT", "1", 0)])
            assert not list(folder.glob("*-wal"))
            with pytest.raises(BrowseError, match="now somebody does") as raised:
                source.check()
        assert raised.value.trouble == "replaced"


def test_a_file_that_may_not_be_read_says_so() -> None:
    with unprivileged() as folder:
        path = numbered(folder / "secret.db", 1)
        path.chmod(0)
        with pytest.raises(BrowseError, match="may not read") as raised:
            Source(str(path), None, 100).connect()
    assert raised.value.trouble == "permission"
