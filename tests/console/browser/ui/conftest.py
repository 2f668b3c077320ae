"""A file of trades."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.console.browser.ui.tables_screen import ROWS, trade


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "trades.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE trades (id INTEGER PRIMARY KEY, symbol TEXT, price TEXT, fee TEXT,"
            " ts INTEGER, meta_json TEXT)"
        )
        connection.executemany(
            "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?)", map(trade, range(1, ROWS + 1))
        )
        connection.execute(
            "CREATE TABLE symbols (symbol TEXT PRIMARY KEY, base TEXT) WITHOUT ROWID"
        )
        connection.execute("INSERT INTO symbols VALUES ('BTC/USDT', 'BTC'), ('ETH/USDT', 'ETH')")
        connection.execute("CREATE VIEW cheap AS SELECT id, price FROM trades WHERE id < 10")
        connection.execute("CREATE TABLE vacant (a, b)")
    return path
