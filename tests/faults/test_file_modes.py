"""The files of the real process: whose they are, whatever the umask."""

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.cases import mostly_long
from tests.e2e.terminal import Terminal


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # A journal comes and goes.
            found[path.name] = mode(path)
    return found


def running(data: Path, umask: int, **settings: str) -> subprocess.Popen[bytes]:
    """An engine with everything beside its ledger, for which it makes the folders."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "engine.cli",
            "run",
            "--json",
            "--interval",
            "10ms",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        umask=umask,
        env=os.environ
        | {f"CYCLEDECK_{name.upper()}": value for name, value in settings.items()}
        | {"XDG_DATA_HOME": str(data)},
    )
    assert process.stdout is not None
    with process.stdout as results:
        assert results.readline()  # By its first cycle everything is there.
    return process


FILES = {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"}


@mostly_long("umask", [0, 0o777, 0o022])
def test_whatever_the_umask_a_ledger_is_its_owners_alone(umask: int, tmp_path: Path) -> None:
    """FAULTS 42: its log, lock and exchange too, and the folders that are made for it."""
    ledger = tmp_path / "made" / "cycledeck" / "ledger.db"
    process = running(tmp_path / "made", umask)
    try:
        seen = modes(ledger.parent)
    finally:
        process.terminate()
        process.wait(60)
    assert set(seen) > FILES | {"ledger.db.sock", "ledger.sim.db"}
    assert set(seen.values()) == {0o600}
    assert [mode(tmp_path / "made"), mode(ledger.parent)] == [0o700, 0o700]


def test_a_file_mode_lets_a_group_look_and_an_old_ledger_takes_it_too(tmp_path: Path) -> None:
    """FAULTS 42: commands stay the owner's: the socket."""
    ledger = tmp_path / "cycledeck" / "ledger.db"
    for file_mode, expected, folder in (("0640", 0o640, 0o750), ("600", 0o600, 0o750)):
        process = running(tmp_path, 0o077, file_mode=file_mode)
        try:
            seen = modes(ledger.parent)
        finally:
            process.terminate()
            process.wait(60)
        assert {name: seen[name] for name in FILES} == dict.fromkeys(FILES, expected)
        assert seen["ledger.db.sock"] == 0o600
        assert mode(ledger.parent) == folder


@mostly_long("value", ["0400", "777", "640.5", "rw"])
def test_a_mode_that_no_ledger_can_have_is_refused(value: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "engine.cli", "once", "--db", str(tmp_path / "l.db")],
        capture_output=True, text=True, env=os.environ | {"CYCLEDECK_FILE_MODE": value},
    )  # fmt: skip
    assert ran.returncode == 2
    assert "file_mode" in ran.stderr
    assert "as 0640" in ran.stderr
    assert not (tmp_path / "l.db").exists()


def test_what_a_console_leaves_is_its_users_alone(tmp_path: Path) -> None:
    """FAULTS 42: the engine's log, what it remembers, and their folders."""
    before = os.umask(0)
    try:
        with Terminal("--db", tmp_path / "ledger.db", home=tmp_path) as terminal:
            terminal.until_seen("running")
            terminal.press("q")
            assert terminal.ended() == 0
    finally:
        os.umask(before)
    made = [path for path in tmp_path.rglob("*") if "cycledeck" in path.parts]
    assert [path.name for path in made if path.name == "engine.log"]
    assert {mode(path) for path in made if path.is_file()} == {0o600}
    assert {mode(path) for path in made if path.is_dir()} == {0o700}
