"""Health: the lease, the file, the proof of the books, what waits, errors, logs."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from console.kit.grid import Grid
from engine.store.library import has_wal_reset_race
from tests.cases import mostly_long
from tests.console.running import console, ran, until, written
from tests.console.seen import cells, text


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "l.db"


async def test_it_says_what_the_file_holds(db: Path) -> None:
    await ran(db)
    async with console(db, keys="4") as pilot:
        await until(pilot, lambda: "3 ok" in cells(pilot.app, "#books"))
        file = cells(pilot.app, "#file")
        assert f"file {db.name} in" in file
        assert str(db.parent) in re.sub("[│ ]", "", file)
        assert sqlite3.sqlite_version in file
        warned = "◆ WAL defect" in re.sub(r"[│\s]+", " ", file)
        assert warned is has_wal_reset_race()
        assert "commits 3" in file
        with closing(sqlite3.connect(db)) as connection:
            (events,) = connection.execute("SELECT count(*) FROM ledger_events").fetchone()
            (fills,) = connection.execute("SELECT count(*) FROM applied_fills").fetchone()
        assert f"events {events} · {fills} fills" in file
        assert "nobody holds it" in cells(pilot.app, "#engine")


async def test_a_frozen_screen_that_is_opened_first_says_how_it_is_and_then_stands_still(
    db: Path,
) -> None:
    await ran(db)
    async with console(db) as pilot:
        await pilot.press("space")
        await ran(db, cycles=2)
        await pilot.press("4")
        await until(pilot, lambda: "5 ok" in cells(pilot.app, "#books"))
        await ran(db, cycles=1)
        await pilot.app.screen._look().wait()  # type: ignore[attr-defined]
        assert "5 ok" in cells(pilot.app, "#books")
        await pilot.press("space")
        await until(pilot, lambda: "6 ok" in cells(pilot.app, "#books"))


async def test_at_80_by_24_all_of_the_file_s_facts_are_reached_by_keys(db: Path) -> None:
    await ran(db)
    async with console(db, keys="4", size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 ok" in cells(pilot.app, "#books"))
        assert "commits" not in text(pilot.app)
        await pilot.press("tab", "j", "j")
        await until(pilot, lambda: "verify" not in text(pilot.app))
        await pilot.press("end")
        await until(pilot, lambda: "events" in text(pilot.app))
        for fact in ("SQLite", "schema", "commits 3"):
            assert fact in " ".join(text(pilot.app).split())
        await pilot.press("tab")
        assert isinstance(pilot.app.focused, Grid)


async def test_where_all_facts_are_seen_tab_stays_with_the_log(db: Path) -> None:
    await ran(db)
    async with console(db, keys="4", size=(140, 40)) as pilot:
        await until(pilot, lambda: "commits 3" in cells(pilot.app, "#file"))
        await pilot.press("tab")
        assert isinstance(pilot.app.focused, Grid)


async def test_it_says_who_runs(db: Path) -> None:
    async with console(db, engine=True, keys="4") as pilot:
        await until(pilot, lambda: "● running" in cells(pilot.app, "#engine"))
        found = cells(pilot.app, "#engine")
        assert f"pid {pilot.app.deck.process.pid}" in found  # type: ignore[attr-defined]
        assert "orders allowed" in found


async def test_v_proves_the_books(db: Path) -> None:
    await ran(db)
    async with console(db, keys="4") as pilot:
        assert "v proves the books" in cells(pilot.app, "#books")
        await pilot.press("v")
        await until(pilot, lambda: "✓ ok" in cells(pilot.app, "#books"))
        await until(pilot, lambda: "Verified: the books" in text(pilot.app))


async def test_v_names_what_is_wrong(db: Path) -> None:
    await ran(db)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE ledger_events SET qty = '123' WHERE seq = 1")
    async with console(db, keys="4") as pilot:
        await pilot.press("v")
        await until(pilot, lambda: "violation" in cells(pilot.app, "#books"))
        await until(pilot, lambda: "ledger_events" in text(pilot.app))


async def test_what_waits_for_a_decision_is_counted(db: Path) -> None:
    await ran(db)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "INSERT INTO quarantine (digest, symbol, raw, reason, cycle_id, status) "
            "VALUES (x'00', 'BTC/USDT', '{', 'no JSON', 1, 'open')"
        )
        connection.execute(
            "INSERT INTO conflicts (event_id, cycle_id, fields_json, reported_json, reported_hash, "
            "source_id, symbol, ts, kind, status) VALUES ('fill:x', 1, '{}', '{}', x'00', 'x', "
            "'BTC/USDT', 1, 'correction', 'open')"
        )
    async with console(db, keys="4") as pilot:
        await until(pilot, lambda: "conflicts ◆ 1" in cells(pilot.app, "#books"))
        found = cells(pilot.app, "#books")
        assert "quarantine ◆ 1" in found
        assert "markets ◆ 1 not ok" in found
        states = cells(pilot.app, "#markets")
        assert states.index("◆ held BTC/USDT an item in quarantine") < states.index("◆ attention")
        assert "cycledeck conflicts resolve 1 decides" in states
        assert "1 held ─" in states


async def test_where_all_markets_are_ok_one_line_says_so(db: Path) -> None:
    await ran(db)
    async with console(db, keys="4") as pilot:
        await until(pilot, lambda: "markets all ok" in cells(pilot.app, "#books"))
        assert not pilot.app.screen.query_one("#markets").display


async def test_errors_are_counted_by_kind_and_hostile_ones_shown_as_they_are(db: Path) -> None:
    await ran(db)
    notice = {"step": "tx1", "type": "[red]\x1b]0;x\x07", "message": "", "symbol": None}
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE cycles SET errors_json = ?", (json.dumps([notice]),))
    async with console(db, keys="4") as pilot:
        await until(pilot, lambda: "3 × [red]\\x1b]0;x\\x07" in cells(pilot.app, "#errors"))
        assert text(pilot.app).replace("\n", "").isprintable()


async def test_the_log_is_told_as_it_comes_and_can_be_filtered(db: Path) -> None:
    async with console(db, engine=True, keys="4") as pilot:
        app = pilot.app
        await until(pilot, lambda: "sqlite_wal_reset_race" in cells(app, "#log"))
        await pilot.press("slash")
        await written(pilot, "nothing like it")
        await until(pilot, lambda: "sqlite_wal_reset_race" not in cells(app, "#log"))
        assert "0 of" in cells(app, "#log")
        await pilot.press("escape")
        await until(pilot, lambda: "sqlite_wal_reset_race" in cells(app, "#log"))


async def test_e_writes_what_is_shown_to_a_file_of_its_own(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ran(db)
    monkeypatch.chdir(tmp_path)
    async with console(db, keys="4") as pilot:
        await until(pilot, lambda: "3 ok" in cells(pilot.app, "#books"))
        await pilot.press("e", "e")
        await until(pilot, lambda: (tmp_path / "cycledeck-health-1.json").exists())
    found = json.loads((tmp_path / "cycledeck-health.json").read_text())
    assert found["last_cycle_id"] == 3


@mostly_long("size", [(80, 24), (120, 40)])
async def test_what_verify_found_is_told_whole(db: Path, size: tuple[int, int]) -> None:
    await ran(db)
    async with console(db, keys="4", size=size) as pilot:
        await pilot.press("v")
        await until(pilot, lambda: "✓ ok" in cells(pilot.app, "#books"))
        assert re.search(
            r"verify ✓ ok · \d+ rows │ │ at \d\d:\d\d:\d\d │", cells(pilot.app, "#books")
        )


@mostly_long("size", [(40, 10), (80, 24), (200, 60)])
async def test_it_fits_every_terminal(db: Path, size: tuple[int, int]) -> None:
    await ran(db)
    async with console(db, keys="4") as pilot:
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: "books" in text(pilot.app))
        lines = text(pilot.app).splitlines()
        assert len(lines) == size[1]
        assert all(len(found) <= size[0] for found in lines)
