"""FAULTS 37: one file by two names. The lease follows the file, not its name."""

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.browser.client import Browser
from console.browser.errors import BrowseError
from engine import Engine, LeaseHeld
from engine.store import file_lock
from tests.builders import cycledeck, finished, reported, serve, settings_in, started
from tests.fakes import FakeVenue
from tests.faults.scenarios import health
from tests.faults.test_read_only import UNSHARED

pytestmark = pytest.mark.skipif(
    file_lock._SET is None, reason="this system has no locks of open files"
)
LOOKING = (("status",), ("verify",), ("head",), ("export", "ledger_events"), ("quarantine", "list"))


@pytest.fixture
def venue(tmp_path: Path) -> str:
    return f"recorded:{serve(tmp_path / 'fills.jsonl', [reported('1')])}"


@contextmanager
def running(ledger: Path, venue: str, *, kill: bool = False) -> Iterator[int]:
    """An engine on the ledger that has had a cycle; the number of its process."""
    process = started("run", "--json", "--interval", "300ms", "--db", ledger, "--venue", venue)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process.pid
        assert '"status":"ok"' in process.stdout.readline()
    finally:
        process.kill() if kill else process.terminate()
        ended = finished(process)
    assert kill or ended.code == 0, ended.err


def linked(ledger: Path, folder: Path) -> Path:
    folder.mkdir()
    link = folder / "link.db"
    os.link(ledger, link)
    return link


def test_by_a_hard_link_a_second_engine_is_refused_and_told_who_holds_the_file(
    tmp_path: Path, venue: str
) -> None:
    """And so is who would only look: what the first one has in its log is not seen from there."""
    ledger = tmp_path / "ledger.db"
    with running(ledger, venue) as pid:
        link = linked(ledger, tmp_path / "elsewhere")
        for command in (("once", "--venue", venue), ("metrics", "backfill"), *LOOKING):
            ran = cycledeck(*command, "--db", link)
            assert (ran.code, ran.out) == (1, ""), command
            assert "another engine runs on this ledger" in ran.err, command
            assert f":{pid}, which has it open as {ledger}" in ran.err, command
            assert "stop it first" in ran.err
        with pytest.raises(BrowseError, match="another engine runs"):
            asyncio.run(Browser.start(link))
        assert cycledeck("status", "--db", ledger).code == 0
    assert list(health(ledger)) == []


def test_of_engines_that_were_closed_any_name_of_the_file_will_do(
    tmp_path: Path, venue: str
) -> None:
    ledger = tmp_path / "ledger.db"
    with running(ledger, venue):
        link = linked(ledger, tmp_path / "elsewhere")
    for name in (link, ledger, link):
        assert cycledeck("once", "--db", name, "--venue", venue).code == 0
        assert cycledeck("verify", "--db", name).code == 0
    assert list(health(ledger)) == []


def test_the_log_of_an_engine_that_was_killed_is_not_passed_over_by_another_name(
    tmp_path: Path, venue: str
) -> None:
    ledger = tmp_path / "ledger.db"
    with running(ledger, venue, kill=True):
        link = linked(ledger, tmp_path / "elsewhere")
    log = Path(f"{ledger}-wal").read_bytes()
    for command in (("once", "--venue", venue), *LOOKING):
        ran = cycledeck(*command, "--db", link)
        assert (ran.code, ran.out) == (1, ""), command
        assert "its log is beside the name that it used" in ran.err, command
    assert Path(f"{ledger}-wal").read_bytes() == log
    assert cycledeck("once", "--db", ledger, "--venue", venue).code == 0
    assert cycledeck("verify", "--db", link).code == 0


def test_by_a_mount_of_the_file_a_second_engine_is_refused(tmp_path: Path, venue: str) -> None:
    """As in a container that was given the file alone."""
    if subprocess.run([*UNSHARED, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    ledger, other = tmp_path / "ledger.db", tmp_path / "mounted" / "ledger.db"
    other.parent.mkdir()
    other.touch()
    with running(ledger, venue) as pid:
        for command in (["once", "--venue", venue], ["status"]):
            arguments = [sys.executable, "-m", "engine.cli", *command, "--db", str(other)]
            script = f"mount --bind {ledger} {other} && exec {shlex.join(arguments)}"
            ran = subprocess.run(
                [*UNSHARED, "sh", "-c", script],
                capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            assert (ran.returncode, ran.stdout) == (1, "")
            assert "another engine runs on this ledger" in ran.stderr
            assert f":{pid}, which has it open as" in ran.stderr
    assert list(health(ledger)) == []


def test_by_a_mount_of_the_folder_it_is_the_same_ledger(tmp_path: Path, venue: str) -> None:
    """Its log and lock lie beside it there, too."""
    if subprocess.run([*UNSHARED, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    ledger, mounted = tmp_path / "books" / "ledger.db", tmp_path / "mounted"
    ledger.parent.mkdir()
    mounted.mkdir()
    with running(ledger, venue) as pid:
        for command, code in ((["once", "--venue", venue], 1), (["status"], 0)):
            path = str(mounted / "ledger.db")
            arguments = [sys.executable, "-m", "engine.cli", *command, "--db", path]
            script = f"mount --bind {ledger.parent} {mounted} && exec {shlex.join(arguments)}"
            ran = subprocess.run(
                [*UNSHARED, "sh", "-c", script],
                capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            assert ran.returncode == code, ran.stderr
            assert f":{pid}" in ran.stdout + ran.stderr
    assert list(health(ledger)) == []


async def test_in_one_process_too_a_second_name_is_refused_until_the_first_is_closed(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=FakeVenue([reported("1")])) as first:
        link = linked(settings.db, tmp_path / "elsewhere")
        with pytest.raises(LeaseHeld, match="this process, as "):
            await Engine(settings_in(tmp_path, db=link), venue=FakeVenue()).open()
        assert (await first.cycle()).committed
    async with Engine(settings_in(tmp_path, db=link), venue=FakeVenue()) as second:
        assert (await second.cycle()).committed
    assert list(health(settings.db)) == []
