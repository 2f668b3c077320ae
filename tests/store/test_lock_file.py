"""A file that one at a time has locked."""

import sys
import threading
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.store.lock_file import LockFile


def test_a_file_is_locked_by_one_at_a_time_and_stays_when_it_is_free(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    assert (first.take(), second.take(), first.take()) == (True, False, True)
    assert (first.held, second.held) == (True, False)
    first.release()
    assert (first.held, second.take()) == (False, True)
    second.release()
    assert (tmp_path / "lock").exists()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_lock_on_a_file_that_is_gone_is_none_and_can_be_taken_again(
    tmp_path: Path, replaced: bool
) -> None:
    lock, path = LockFile(tmp_path / "lock"), tmp_path / "lock"
    assert lock.take()
    path.unlink()
    if replaced:
        path.touch()
    assert not lock.held
    assert lock.take()
    assert lock.held
    assert not LockFile(path).take()
    lock.release()


def test_a_lock_that_nobody_refers_to_any_more_is_free(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "lock")
    assert lock.take()
    del lock
    assert LockFile(tmp_path / "lock").take()


def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match=f"{tmp_path / 'lock'}: Is a directory"):
        LockFile(tmp_path / "lock").take()


def test_of_many_that_remove_the_file_when_they_are_done_one_at_a_time_has_it(
    tmp_path: Path,
) -> None:
    """As other programs do with theirs: one of them may lock what was removed meanwhile."""
    path, inside, crowds = tmp_path / "lock", [0], [0]

    def work() -> None:
        for _ in range(300):
            lock = LockFile(path)
            if lock.take():
                inside[0] += 1
                crowds[0] += inside[0] > 1 or not lock.held
                inside[0] -= 1
                path.unlink()
                lock.release()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    assert (crowds[0], inside[0]) == (0, 0)
