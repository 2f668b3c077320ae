"""Exports: every row, every digit, and a file only when it is whole."""

import asyncio
import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from console.browser.model import BrowseError, Condition, Limits, Progress, SortTerm
from tests.console.browser.browsed import Open, insert, numbered, until, write

VALUES = (
    "(1, '1234567.8900', 1234567.89, x'00ff', 'plain', 7), "
    "(2, '0.00000001', 1e-8, NULL, 'naïve, \"quoted\"' || char(10) || 'line', 'seven'), "
    "(9223372036854775807, NULL, 9e999, x'', CAST(x'41ff' AS TEXT), NULL)"
)


@pytest.fixture
def values(tmp_path: Path) -> Path:
    return write(
        tmp_path / "values.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, qty TEXT, rate REAL, hash BLOB, note TEXT, any)",
        f"INSERT INTO t VALUES {VALUES}",
        "CREATE TABLE s (id INTEGER PRIMARY KEY, qty TEXT, rate REAL, hash BLOB, note TEXT, "
        "any ANY) STRICT",
        f"INSERT INTO s VALUES {VALUES}",
    )


async def test_csv_holds_what_is_stored(browse: Open, values: Path, tmp_path: Path) -> None:
    rows = await (await browse(values)).rows("t")
    target = tmp_path / "out.csv"
    assert await rows.export("csv", target) == 3
    with target.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["id", "qty", "rate", "hash", "note", "any"],
            ["1", "1234567.8900", "1234567.89", "00ff", "plain", "7"],
            ["2", "0.00000001", "1e-08", "", 'naïve, "quoted"\nline', "seven"],
            ["9223372036854775807", "", "inf", "", "A\\xff", ""],
        ]


async def test_csv_with_carriage_returns_is_read_back_as_it_was(
    browse: Open, tmp_path: Path
) -> None:
    stored = ["a\rb", "c\r\nd", "e"]
    values = ", ".join("('" + text + "')" for text in stored)
    path = write(tmp_path / "r.db", "CREATE TABLE t (x)", f"INSERT INTO t VALUES {values}")
    rows = await (await browse(path)).rows("t")
    target = tmp_path / "out.csv"
    await rows.export("csv", target)
    with target.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["x"], *([text] for text in stored)]


@pytest.mark.parametrize("name", ["", ".", "/"])
async def test_a_file_needs_a_name(browse: Open, values: Path, name: str) -> None:
    rows = await (await browse(values)).rows("t")
    with pytest.raises(BrowseError, match="a file name is needed"):
        await rows.export("csv", Path(name))


async def test_json_lines_hold_what_is_stored(browse: Open, values: Path, tmp_path: Path) -> None:
    rows = await (await browse(values)).query("SELECT id, qty, rate, hash, note, id FROM t")
    target = tmp_path / "out.jsonl"
    assert await rows.export("jsonl", target) == 3
    lines = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert lines[0] == {
        "id": 1,
        "qty": "1234567.8900",
        "rate": 1234567.89,
        "hash": "00ff",
        "note": "plain",
        "id_2": 1,
    }
    assert lines[2]["rate"] == "inf"
    assert (lines[2]["qty"], lines[1]["hash"], lines[2]["hash"]) == (None, None, "")


@pytest.mark.parametrize("table", ["t", "s"])
async def test_parquet_holds_what_is_stored(
    browse: Open, values: Path, tmp_path: Path, table: str
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = await (await browse(values)).rows(table)
    target = tmp_path / "out.parquet"
    assert await rows.export("parquet", target) == 3
    found = parquet.read_table(target)
    assert [str(kind) for kind in found.schema.types] == [
        "int64",
        "string",
        "double",
        "binary",
        "string",
        "string",
    ]
    columns = found.to_pydict()
    assert columns["id"] == [1, 2, 9223372036854775807]
    assert columns["qty"] == ["1234567.8900", "0.00000001", None]
    assert columns["rate"] == [1234567.89, 1e-8, float("inf")]
    assert columns["hash"] == [b"\x00\xff", None, b""]
    assert columns["note"][2] == "A\\xff"
    assert columns["any"] == ["7", "seven", None]


async def test_parquet_from_a_query_within_its_limits(browse: Open, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    browser = await browse(numbered(tmp_path / "q.db", 3_000), Limits(memory_mib=256, spool_mib=64))
    rows = await browser.query("SELECT seq, qty FROM events")
    assert await rows.export("parquet", tmp_path / "q.parquet") == 3_000
    assert parquet.read_table(tmp_path / "q.parquet").num_rows == 3_000
    # The limit holds again, and what the library takes does not count.
    assert (await browser.query("SELECT length(zeroblob(50000000))")).count.value == 1
    with pytest.raises(BrowseError):
        await browser.query("SELECT group_concat(hex(zeroblob(1000000))) FROM events")


async def test_what_is_filtered_and_sorted_is_exported_so(
    browse: Open, gaps: Path, tmp_path: Path
) -> None:
    rows = await (await browse(gaps)).rows(
        "events",
        (SortTerm("seq", descending=True),),
        (Condition("symbol", "=", "BTC/USDT"),),
    )
    reports: list[Progress] = []
    target = tmp_path / "out.csv"
    # Not waited for: the export itself waits for the scan.
    number = await rows.export("csv", target, reports.append)
    with closing(sqlite3.connect(gaps)) as connection:
        sql = "SELECT seq FROM events WHERE symbol = 'BTC/USDT' ORDER BY seq DESC"
        expected = [row[0] for row in connection.execute(sql)]
    assert number == len(expected)
    lines = target.read_text("utf-8").splitlines()[1:]
    assert [int(line.partition(",")[0]) for line in lines] == expected
    await until(lambda: bool(reports) and reports[-1].done)
    assert reports[-1].doing == "exporting"
    assert all(report.doing == "exporting" for report in reports)


async def test_an_existing_file_stays_unless_it_may_be_overwritten(
    browse: Open, values: Path, tmp_path: Path
) -> None:
    rows = await (await browse(values)).rows("t")
    target = tmp_path / "out.csv"
    target.write_text("mine")
    with pytest.raises(BrowseError, match="exists already") as raised:
        await rows.export("csv", target)
    assert raised.value.trouble == "exists"
    assert target.read_text() == "mine"
    assert await rows.export("csv", target, overwrite=True) == 3
    assert target.read_text("utf-8").startswith("id,qty")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["values.db", "values.db-wal"])
async def test_the_database_is_never_overwritten(browse: Open, values: Path, name: str) -> None:
    before = values.read_bytes()
    rows = await (await browse(values)).rows("t")
    with pytest.raises(BrowseError, match="the database itself"):
        await rows.export("csv", values.with_name(name), overwrite=True)
    assert values.read_bytes() == before


async def test_a_folder_that_is_not_there_is_named(
    browse: Open, values: Path, tmp_path: Path
) -> None:
    rows = await (await browse(values)).rows("t")
    with pytest.raises(BrowseError, match="No such file") as raised:
        await rows.export("csv", tmp_path / "nowhere" / "out.csv")
    assert "nowhere" in str(raised.value)


async def test_a_stopped_export_leaves_no_file(browse: Open, million: Path, tmp_path: Path) -> None:
    rows = await (await browse(million)).rows("events")
    target = tmp_path / "out.jsonl"
    exporting = asyncio.create_task(rows.export("jsonl", target))
    await until(lambda: bool(list(tmp_path.iterdir())))
    await rows.cancel()
    with pytest.raises(BrowseError) as raised:
        await exporting
    assert raised.value.trouble == "stopped"
    assert not list(tmp_path.iterdir())


async def test_an_export_nobody_waits_for_ends(browse: Open, million: Path, tmp_path: Path) -> None:
    rows = await (await browse(million)).rows("events")
    exporting = asyncio.create_task(rows.export("jsonl", tmp_path / "out.jsonl"))
    await until(lambda: bool(list(tmp_path.iterdir())))
    exporting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await exporting
    await until(lambda: not list(tmp_path.iterdir()))


async def test_a_result_that_is_not_whole_is_exported_only_if_that_is_meant(
    browse: Open, tmp_path: Path
) -> None:
    browser = await browse(numbered(tmp_path / "cut.db", 500), Limits(rows=100))
    rows = await browser.query("SELECT * FROM events")
    target = tmp_path / "out.csv"
    with pytest.raises(BrowseError, match="not all rows: stopped at 100 rows") as raised:
        await rows.export("csv", target)
    assert raised.value.trouble == "stopped"
    assert await rows.export("csv", target, partial=True) == 100


async def test_an_export_does_not_hold_the_log_of_a_live_ledger(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "live.db", 60_000)
    rows = await (await browse(path)).rows("events")
    exporting = asyncio.create_task(rows.export("csv", tmp_path / "out.csv"))
    number, given_back = 60_000, False
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        while not exporting.done():
            number += 1
            insert(path, "events", [(number, "BTC/USDT", "1", 0)])
            busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            given_back = given_back or not busy
            await asyncio.sleep(0)
    assert given_back
    assert 60_000 <= await exporting <= number
