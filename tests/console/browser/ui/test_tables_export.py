"""Rows written to files."""

import json
from pathlib import Path

import pytest

from console.browser.ui.export_dialog import ExportDialog
from console.kit.lines import Tone
from console.kit.plain_input import PlainInput
from tests.cases import mostly_long
from tests.console.browser.ui.tables_screen import ROWS, Tables, trade, trades, write
from tests.console.seen import cells, text


async def exported(found: Tables, name: str) -> None:
    await found.press("e")
    assert isinstance(found.app.screen, ExportDialog)
    await found.press("ctrl+u")
    await found.type(name)
    await found.press("enter")


async def test_all_rows_are_exported_in_their_order(db: Path, tmp_path: Path) -> None:
    async with trades(db) as found:
        await found.press("s", "s")
        await found.until(lambda: found.values("id")[:1] == ["1000"])
        await exported(found, "out.csv")
        await found.until(lambda: found.app.screen is found.screen)
        assert found.app.asked[-1] == ("tell", "Exported 1,000 rows to out.csv", Tone.OK)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == ROWS + 1
    assert lines[0].startswith("id,symbol,price")
    assert lines[1].startswith("1000,ETH/USDT")


async def test_the_files_ending_says_the_form(db: Path, tmp_path: Path) -> None:
    async with trades(db) as found:
        await found.press("e")
        await found.until(lambda: "▸ CSV" in text(found.app))
        await found.press("tab")
        await found.until(lambda: "▸ JSON lines" in text(found.app))
        await found.press("enter")
        await found.until(lambda: found.app.screen is found.screen)
    rows = [json.loads(line) for line in (tmp_path / "trades.jsonl").read_text().splitlines()]
    assert len(rows) == ROWS
    assert rows[0]["symbol"] == "BTC/USDT"


async def test_parquet_holds_every_digit(db: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    async with trades(db) as found:
        await exported(found, "out.parquet")
        await found.until(lambda: found.app.screen is found.screen)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column("id").to_pylist() == list(range(1, ROWS + 1))
    assert table.column("price").to_pylist() == [trade(n)[2] for n in range(1, ROWS + 1)]


async def test_a_file_that_is_there_is_not_overwritten_unasked(db: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    async with trades(db) as found:
        await exported(found, "out.csv")
        await found.seen("ctrl+o overwrites it")
        assert (tmp_path / "out.csv").read_text() == "mine"
        await found.press("ctrl+o")
        await found.until(lambda: found.app.screen is found.screen)
    assert (tmp_path / "out.csv").read_text().startswith("id,")


@mostly_long(
    ("typed", "said"),
    [
        ("", "a file name is needed"),
        ("nowhere/x.csv", "No such file or directory"),
        (".", ". is a folder: a file name is needed"),
        ("..", ".. is a folder: a file name is needed"),
        ("/", "/ is a folder: a file name is needed"),
        ("~nobody-of-this-name/x.csv", "~nobody-of-this-name/x.csv: "),
    ],
)
async def test_what_names_no_file_is_said_and_can_be_typed_anew(
    db: Path, tmp_path: Path, typed: str, said: str
) -> None:
    async with trades(db) as found:
        await exported(found, typed)
        await found.until(lambda: said in cells(found.app, "#export-trouble"))
        await found.press("ctrl+u")
        await found.type("out.csv")
        await found.press("enter")
        await found.until(lambda: found.app.screen is found.screen)
    assert (tmp_path / "out.csv").is_file()


async def test_an_export_can_be_stopped_and_leaves_nothing(db: Path, tmp_path: Path) -> None:
    write(  # After its 5,000 rows no progress is drawn any more, and keys are taken at once.
        db,
        "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n WHERE i <= 5000",
    )
    before = set(tmp_path.iterdir())
    async with trades(db) as found:
        await found.open("endless")
        await exported(found, "out.csv")
        await found.seen("esc stops it")
        await found.press("x", "tab", "escape")
        await found.seen("stopped: nothing was written")
        assert found.app.screen.query_one(PlainInput).value == "out.csv"
        await found.seen("esc closes")
        await found.press("x")
        assert found.app.screen.query_one(PlainInput).value == "out.csvx"
        await found.press("escape")
        assert found.app.screen is found.screen
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {
        "state",
        "trades.db-wal",
        "trades.db-shm",
    }
