"""A second process makes some of verify's checks, or the first one makes them all."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.checks import second_process, second_process_main
from engine.checks.second_process import state
from engine.checks.verify import CHECKS, OF_SECOND_PROCESS, Verification, verify
from tests.builders import cycledeck, cycles, opened, reported, serve, settings_in

DAMAGE = (
    "UPDATE ledger_events SET qty = '2' WHERE event_id = 'fill:7'",
    "UPDATE stage4_positions SET cost = '5'",
    "DELETE FROM applied_fills WHERE fill_id = '9'",
)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A ledger of 20 fills."""
    fills = [reported(str(n), ts=n * 1_000) for n in range(1, 21)]
    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", fills))
    await cycles(settings)
    return settings.db


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a ledger, and few the cores, there is a second process."""
    monkeypatch.setattr(second_process, "WORTH_IT", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def by_two(path: Path) -> tuple[Verification, set[str]]:
    """Verified with help, and the checks that this process made."""
    made: set[str] = set()
    with opened(path) as connection:
        return verify(connection, lambda name, done: made.add(name), two_processes=True), made


def named(kinds: tuple[type, ...]) -> set[str]:
    return {kind.name for kind in kinds}  # type: ignore[attr-defined]


@pytest.mark.usefixtures("worth_it")
@pytest.mark.parametrize("damage", [(), DAMAGE])
def test_verify_with_a_second_process_comes_to_the_same(path: Path, damage: tuple[str]) -> None:
    with opened(path) as connection:
        for change in damage:
            connection.execute(change)
        alone = verify(connection)
    verification, made = by_two(path)
    assert verification == alone
    assert verification.ok is not bool(damage)
    assert made == named(CHECKS) - named(OF_SECOND_PROCESS)
    assert list(verification.checked) == list(alone.checked)


def _dead(process: type[subprocess.Popen[bytes]]) -> Callable[..., subprocess.Popen[bytes]]:
    def begin(*args: object, **options: object) -> subprocess.Popen[bytes]:
        begun = process(*args, **options)  # type: ignore[call-overload]
        begun.kill()
        return begun  # type: ignore[no-any-return]

    return begin


@pytest.mark.usefixtures("worth_it")
def test_the_checks_of_a_process_that_is_killed_are_made_by_the_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_process.subprocess, "Popen", _dead(subprocess.Popen))  # type: ignore[attr-defined]
    verification, made = by_two(path)
    assert verification.ok
    assert made == named(CHECKS)
    assert list(verification.checked) == [kind.name for kind in CHECKS]


@pytest.mark.usefixtures("worth_it")
def test_a_ledger_that_cannot_say_its_state_is_checked_by_the_first(path: Path) -> None:
    with opened(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'lease'")
    verification, made = by_two(path)
    assert not verification.ok
    assert made == named(CHECKS)


@pytest.mark.usefixtures("worth_it")
def test_where_no_process_can_begin_the_first_makes_all_checks(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    verification, made = by_two(path)
    assert (verification.ok, made) == (True, named(CHECKS))


async def test_a_ledger_that_was_written_meanwhile_is_not_checked_apart(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(path) as connection:
        before = state(connection)
        assert await second_process_main.main(path, before, 5) == 0
        assert capsys.readouterr().out
        connection.execute("UPDATE lease SET beats = beats + 1")
    assert await second_process_main.main(path, before, 5) == 1
    assert not capsys.readouterr().out


def test_a_small_ledger_has_no_second_process(path: Path) -> None:
    verification, made = by_two(path)
    assert (verification.ok, made) == (True, named(CHECKS))


def test_the_command_proves_a_ledger_that_a_second_process_cannot_read(
    path: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(path, tmp_path / "copy.db"))
    copy.chmod(0o400)
    ran = cycledeck("verify", "--db", copy)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "ok")
