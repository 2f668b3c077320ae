"""When a file is worth another try."""

import time
from pathlib import Path

import pytest

from console.browser.model import BrowseError
from console.browser.ui.waiting import Waiting


def test_a_missing_file_is_when_it_appears(tmp_path: Path) -> None:
    path = tmp_path / "late.db"
    found = Waiting(path, BrowseError("gone", "missing"))
    assert not found.worth_a_try
    path.write_bytes(b"")
    assert found.worth_a_try


def test_a_file_that_is_no_database_is_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(b"x")
    found = Waiting(path, BrowseError("odd", "not a database"))
    assert not found.worth_a_try
    path.write_bytes(b"xy")
    assert found.worth_a_try


def test_a_locked_file_is_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Waiting(tmp_path / "l.db", BrowseError("locked", "locked"))
    assert not found.worth_a_try
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert found.worth_a_try
