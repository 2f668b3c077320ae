"""Pages of whole tables: any position, either direction, every stored value as it is."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from console.browser.model import BrowseError, Cell, Condition, Count, Key, SortTerm
from tests.cases import mostly_long
from tests.console.browser.browsed import (
    DEADLINE,
    Open,
    counted,
    firsts,
    insert,
    numbered,
    texts,
    until,
    whole,
    write,
)

LEFT = 162_858


async def test_first_last_and_middle_rows_are_where_they_belong(
    browse: Open, million: Path
) -> None:
    rows = await (await browse(million)).rows("events")
    first, last = await rows.page(0, 3), await rows.page(-3, 3)
    assert firsts(first) == ["1", "2", "3"]
    assert firsts(last) == ["999998", "999999", "1000000"]
    await rows.settled()
    assert rows.count == Count(1_000_000, "exact", 1_000_000)
    last, middle = await rows.page(-3, 3), await rows.page(500_000, 2)
    assert (last.start, last.exact) == (999_997, True)
    assert (middle.start, firsts(middle), middle.exact) == (500_000, ["500001", "500002"], True)
    assert (await rows.page(1_000_000, 10)).rows == ()
    assert len((await rows.page(999_999, 10)).rows) == 1
    assert firsts(await rows.page(-1_000_000, 1)) == ["1"]


async def test_before_all_is_counted_nothing_uncertain_is_called_exact(
    browse: Open, million: Path
) -> None:
    rows = await (await browse(million)).rows("events")
    for start in (0, 1_000, 700_000, 700_050, 699_950):
        page = await rows.page(start, 50)
        expected = [str(page.start + 1 + index) for index in range(50)]
        assert firsts(page) == expected or not page.exact
        assert len(page.rows) == 50
    assert rows.count.value <= 1_000_000


async def test_newest_first_is_the_mirror_image(browse: Open, million: Path) -> None:
    rows = await (await browse(million)).rows("events", order=(SortTerm("seq", descending=True),))
    assert firsts(await rows.page(0, 2)) == ["1000000", "999999"]
    assert firsts(await rows.page(-2, 2)) == ["2", "1"]
    await rows.settled()
    assert firsts(await rows.page(400_000, 2)) == ["600000", "599999"]
    assert await rows.find_key("600000") == 400_000


async def test_row_numbers_stay_true_where_rowids_have_gaps(browse: Open, gaps: Path) -> None:
    with closing(sqlite3.connect(gaps)) as connection:
        expected = [str(row[0]) for row in connection.execute("SELECT seq FROM events ORDER BY 1")]
    assert len(expected) == LEFT
    rows = await (await browse(gaps)).rows("events")
    await rows.settled()
    assert rows.count == Count(LEFT, "exact", LEFT)
    for start in (0, 4_095, 4_096, 42_850, 42_857, 100_000, LEFT - 10):
        page = await rows.page(start, 20)
        assert page.exact
        assert firsts(page) == expected[start : start + 20]
    assert firsts(await rows.page(-5, 5)) == expected[-5:]
    assert await rows.find_key(expected[123_456]) == 123_456
    assert await rows.find_key("7") is None


async def test_all_pages_together_are_the_table(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "whole.db", 20_000, "DELETE FROM events WHERE seq % 5 = 1")
    rows = await (await browse(path)).rows("events", order=(SortTerm("seq", descending=True),))
    keys = [row.key.parts[0] for row in await whole(rows, 3_000)]
    assert keys == [seq for seq in range(20_000, 0, -1) if seq % 5 != 1]


@pytest.mark.parametrize("direction", ["", "DESC"])
async def test_tables_without_rowid_are_read_by_primary_key(
    browse: Open, tmp_path: Path, direction: str
) -> None:
    path = write(
        tmp_path / "pairs.db",
        "CREATE TABLE pairs (name TEXT COLLATE NOCASE, number INT, note TEXT, "
        f"PRIMARY KEY (name {direction}, number {direction})) WITHOUT ROWID",
        "CREATE INDEX by_note ON pairs (note)",
    )
    insert(path, "pairs", [(f"{'aAbB'[i % 4]}{i % 50}", i, f"n{i % 3}") for i in range(20_000)])
    with closing(sqlite3.connect(path)) as connection:
        order = f"ORDER BY name {direction}, number {direction}"
        expected = [
            list(map(str, row)) for row in connection.execute(f"SELECT * FROM pairs {order}")
        ]
    rows = await (await browse(path)).rows("pairs")
    await rows.settled()
    assert rows.count == Count(20_000, "exact", 20_000)
    for start in (0, 4_090, 9_999, 19_990):
        assert texts(await rows.page(start, 15)) == expected[start : start + 15]
    assert texts(await rows.page(-7, 7)) == expected[-7:]
    name, number, _ = expected[12_345]
    assert await rows.find_key(f"{name}, {number}") == 12_345
    assert (await rows.page(12_345, 1)).rows[0].key.kind == "primary"
    assert await rows.find_key("zzz") is None


async def test_a_key_that_runs_both_ways_is_read_by_a_scan(browse: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "both.db",
        "CREATE TABLE both (a INT, b INT, PRIMARY KEY (a, b DESC)) WITHOUT ROWID",
    )
    insert(path, "both", [(i % 10, i) for i in range(1_000)])
    rows = await (await browse(path)).rows("both")
    found = await whole(rows)
    assert len(found) == 1_000
    assert len({tuple(cell.text for cell in row.cells) for row in found}) == 1_000


async def test_rows_of_views_and_virtual_tables_are_numbered_by_a_scan(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(
        tmp_path / "views.db",
        3_000,
        "CREATE VIEW totals AS SELECT symbol, count(*) AS n FROM events GROUP BY symbol",
        "CREATE VIEW all_of_it AS SELECT seq, qty FROM events",
        "CREATE VIRTUAL TABLE notes USING fts5 (body)",
        "INSERT INTO notes SELECT 'note number ' || seq FROM events",
        "CREATE VIRTUAL TABLE boxes USING rtree (id, low, high)",
        "INSERT INTO boxes SELECT seq, seq, seq + 1 FROM events LIMIT 5",
    )
    browser = await browse(path)
    totals = await whole(await browser.rows("totals", order=(SortTerm("symbol"),)))
    assert [[c.text for c in row.cells] for row in totals] == [
        ["BTC/USDT", "1000"],
        ["ETH/USDT", "1000"],
        ["SOL/USDT", "1000"],
    ]
    rows = await browser.rows("all_of_it")
    assert len(await whole(rows)) == 3_000
    assert [column.decimal for column in rows.columns] == [False, True]
    notes = await browser.rows("notes")
    assert (await whole(notes))[-1].cells == (Cell("text", "note number 3000"),)
    assert [column.name for column in notes.columns] == ["body"]
    assert len(await whole(await browser.rows("boxes"))) == 5


async def test_every_value_is_shown_as_it_is_stored(browse: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "values.db",
        "CREATE TABLE t (v)",
        "INSERT INTO t VALUES (NULL), (9223372036854775807), (-9223372036854775808), "
        "(1234567.89), (1e-8), (0.1), (9e999), ('1.10'), (''), (x''), (x'00ff'), "
        "(CAST(x'41ff42' AS TEXT)), (CAST(x'eda080' AS TEXT)), ('a' || char(0) || 'b'), "
        "('[red]x[/]' || char(27) || ']0;title')",
    )
    rows = await (await browse(path)).rows("t")
    cells = [row.cells[0] for row in (await rows.page(0, 50)).rows]
    assert cells == [
        Cell("null"),
        Cell("integer", "9223372036854775807"),
        Cell("integer", "-9223372036854775808"),
        Cell("real", "1234567.89"),
        Cell("real", "1e-08"),
        Cell("real", "0.1"),
        Cell("real", "inf"),
        Cell("text", "1.10"),
        Cell("text", ""),
        Cell("blob", ""),
        Cell("blob", "00ff"),
        Cell("text", "A\\xffB"),
        Cell("text", "\\xed\\xa0\\x80"),
        Cell("text", "a\0b"),
        Cell("text", "[red]x[/]\x1b]0;title"),
    ]


async def test_large_cells_are_cut_in_pages_and_whole_in_a_row(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "large.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT, data BLOB)",
        "INSERT INTO t SELECT 1, replace(hex(zeroblob(1500000)), '0', 'é'), zeroblob(2000000)",
        "INSERT INTO t VALUES (2, 'short', x'01')",
    )
    rows = await (await browse(path)).rows("t")
    page = await rows.page(0, 2)
    assert page.rows[0].cells[1] == Cell("text", "é" * 2_000, 3_000_000)
    assert page.rows[0].cells[2] == Cell("blob", "00" * 1_000, 2_000_000)
    assert page.rows[0].cells[1].cut
    assert not page.rows[1].cells[1].cut
    row = await rows.row(page.rows[0].key)
    assert row.cells[1] == Cell("text", "é" * 3_000_000)
    assert row.cells[2] == Cell("blob", "00" * 2_000_000)


async def test_a_row_beyond_what_one_answer_holds_is_cut_and_says_so(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "huge.db",
        "CREATE TABLE t (a TEXT, b TEXT, c TEXT)",
        "INSERT INTO t SELECT replace(hex(zeroblob(10000000)), '0', 'x'), 'b', 'c'",
    )
    rows = await (await browse(path)).rows("t")
    row = await rows.row((await rows.page(0, 1)).rows[0].key)
    assert (len(row.cells[0].text), row.cells[0].length) == (16 * 1024 * 1024, 20_000_000)
    assert row.cells[1] == Cell("text", "", 1)


async def test_keys_that_are_no_utf_8_still_find_their_row(browse: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "bytes.db",
        "CREATE TABLE t (k TEXT PRIMARY KEY, v) WITHOUT ROWID",
        "INSERT INTO t VALUES (CAST(x'ff01' AS TEXT), 1), (CAST(x'fe02' AS TEXT), 2), (x'00', 3), "
        "(1.5, 4)",
    )
    rows = await (await browse(path)).rows("t", order=(SortTerm("v"),))
    await rows.settled()
    page = await rows.page(0, 10)
    assert [row.cells[1].text for row in page.rows] == ["1", "2", "3", "4"]
    for row in page.rows:
        assert (await rows.row(row.key)).cells == row.cells


@mostly_long("more", ["", ", v"])
async def test_a_key_that_compares_texts_unlike_its_column_leads_to_each_row(
    browse: Open, tmp_path: Path, more: str
) -> None:
    path = write(
        tmp_path / "collated.db",
        "CREATE TABLE t (k TEXT COLLATE NOCASE, v INT, "
        f"PRIMARY KEY (k COLLATE BINARY{more})) WITHOUT ROWID",
    )
    insert(path, "t", [(f"{c}{i:04}", i) for i in range(5_000) for c in "aA"])
    browser = await browse(path)
    rows = await browser.rows("t")
    found = await whole(rows, 1_000)
    expected = [f"{c}{i:04}" for c in "Aa" for i in range(5_000)]
    assert [row.cells[0].text for row in found] == expected
    for row in found[::997]:
        assert (await rows.row(row.key)).cells == row.cells
    assert await rows.find_key("a0003") == 5_003
    assert await rows.find_key("A0003") == 3
    filtered = await browser.rows("t", where=(Condition("v", ">=", "4990"),))
    assert len({row.cells[0].text for row in await whole(filtered)}) == 20
    assert await rows.export("csv", tmp_path / "collated.csv") == 10_000
    ordered = await browser.rows("t", order=(SortTerm("k"),))
    assert [row.cells[0].text.lower() for row in await whole(ordered, 1_000)] == sorted(
        text.lower() for text in expected
    )


async def test_a_row_is_found_by_its_key_as_it_is_read(browse: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "keys.db",
        "CREATE TABLE texts (k TEXT PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO texts VALUES (' ab '), ('a, b'), ('it''s'), (CAST(x'ff41' AS TEXT)), "
        "(x'01ff'), ('')",
        "CREATE TABLE numbers (k NUMERIC PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO numbers VALUES (9e999), (1e16), (0.1), (x'01ff'), (-9223372036854775808)",
        "CREATE TABLE pairs (a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID",
        "INSERT INTO pairs VALUES ('k ', 1), ('k, 1', 2), ('x', 3)",
        "CREATE TABLE rows (v)",
        "INSERT INTO rows (rowid, v) VALUES (-9223372036854775808, 1), (9223372036854775807, 2)",
    )
    browser = await browse(path)
    typed = {
        "texts": ["", " ab ", "\\xffA", "a, b", "it's", "01ff"],
        "numbers": ["-9223372036854775808", "0.1", "1e+16", "inf", "01ff"],
        "pairs": ["k , 1", "'k, 1',2", "x, 3"],
        "rows": [str(-(2**63)), str(2**63 - 1)],
    }
    for table, keys in typed.items():
        rows = await browser.rows(table)
        await rows.settled()
        found = {await rows.find_key(key) for key in keys}
        assert found == set(range(rows.count.value)), table
    texts_of = await browser.rows("texts")
    assert await texts_of.find_key("' ab '") == await texts_of.find_key(" ab ") == 1
    assert await texts_of.find_key(str(2**63)) is None


async def test_a_deleted_row_says_so(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "deleted.db", 20)
    browser = await browse(path)
    rows, found = await browser.rows("events"), await browser.rows("events", search="BTC")
    await found.settled()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM events WHERE seq = 6")
    with pytest.raises(BrowseError, match="deleted") as raised:
        await rows.row(Key("rowid", (6,)))
    assert raised.value.trouble == "gone"
    page = await found.page(0, 3)
    assert [row.gone for row in page.rows] == [False, True, False]
    assert page.rows[1].key == Key("rowid", (6,))


async def test_numbers_are_corrected_when_rows_vanish_from_the_middle(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "vanish.db", 30_000)
    rows = await (await browse(path)).rows("events")
    await rows.settled()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM events WHERE seq BETWEEN 10001 AND 10010")
    assert not (await rows.page(9_995, 10)).exact
    await rows.settled()
    assert rows.count == Count(29_990, "exact", 29_990)
    page = await rows.page(9_999, 2)
    assert (page.exact, firsts(page)) == (True, ["10000", "10011"])


async def test_appended_rows_are_followed(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "follow.db", 10_000)
    browser = await browse(path)
    up = await browser.rows("events")
    down = await browser.rows("events", order=(SortTerm("seq", descending=True),))
    await up.settled()
    await down.settled()
    version = await browser.data_version()
    with closing(sqlite3.connect(path)) as writer:
        for number in range(10_001, 10_101):
            with writer:
                writer.execute("INSERT INTO events VALUES (?, 'BTC/USDT', '1', 0)", (number,))
        assert await browser.data_version() != version
        for rows in (up, down):
            await rows.refresh()
            assert rows.count.value == 10_100
            assert await counted(rows) == 10_100
    assert firsts(await up.page(-1, 1)) == ["10100"]
    assert firsts(await up.page(10_050, 1)) == ["10051"]
    assert firsts(await down.page(0, 1)) == ["10100"]
    await up.refresh()
    assert up.count.value == 10_100


async def test_rows_appended_with_gaps_are_followed(
    browse: Open, gaps: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy.db"
    with closing(sqlite3.connect(gaps)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    rows = await (await browse(path)).rows("events")
    await rows.settled()
    insert(path, "events", [(300_000 + 2 * i, "X", "1", i) for i in range(9_000)])
    await rows.refresh()
    assert rows.count.value == LEFT + 9_000
    assert await counted(rows) == LEFT + 9_000
    page = await rows.page(LEFT + 4_500, 1)
    assert (page.exact, firsts(page)) == (True, ["309000"])


async def test_rows_that_came_and_went_in_between_are_counted_in_time(
    browse: Open, tmp_path: Path
) -> None:
    path = write(tmp_path / "between.db", "CREATE TABLE t (k TEXT PRIMARY KEY, v) WITHOUT ROWID")
    browser = await browse(path)
    small, large = await browser.rows("t"), await browser.rows("t")
    insert(path, "t", [(f"k{i:05}", i) for i in range(0, 100, 2)])
    await small.refresh()
    assert small.count.value == 50
    write(path, "DELETE FROM t WHERE v < 50")
    await small.refresh()
    assert small.count.value == 25
    insert(path, "t", [(f"k{i:05}", i) for i in range(1, 20_000, 2)])

    assert await counted(large) == 10_025
    write(path, "DELETE FROM t WHERE v = 1001")
    insert(path, "t", [("a", 0), ("b", 0)])
    assert await counted(large) == 10_026
    assert firsts(await large.page(0, 2)) == ["a", "b"]


async def test_a_stopped_count_says_so_and_every_row_is_read_all_the_same(
    browse: Open, million: Path
) -> None:
    browser = await browse(million)
    rows = await browser.rows("events")
    await rows.cancel()
    await rows.settled()
    if rows.count.state != "exact":
        assert (rows.count.state, rows.stopped) == ("at_least", "stopped")
        await rows.refresh()
        assert rows.count.state == "at_least"
    assert len((await rows.page(600_000, 30)).rows) == 30
    await rows.refresh(recount=True)
    await rows.settled()
    assert rows.count == Count(1_000_000, "exact", 1_000_000)


async def test_other_encodings_are_read_like_utf_8(browse: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "wide.db",
        "PRAGMA encoding = 'UTF-16le'",
        "CREATE TABLE t (k TEXT PRIMARY KEY, qty TEXT) WITHOUT ROWID",
        "INSERT INTO t VALUES ('ä', '10'), ('b', '9.5'), ('表', '-1'), ('😀', '0.1')",
    )
    rows = await (await browse(path)).rows("t", order=(SortTerm("qty"),))
    await rows.settled()
    assert firsts(await rows.page(0, 9)) == ["表", "😀", "b", "ä"]
    assert await rows.find_key("表") == 0


async def test_paging_holds_no_log_back(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "log.db", 5_000)
    browser = await browse(path)
    rows = await browser.rows("events")
    await rows.settled()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for number in range(5_001, 5_201):
            writer.execute("INSERT INTO events VALUES (?, 'BTC/USDT', '1', 0)", (number,))
            await rows.page(number - 100, 50)
        busy, frames, moved = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, frames, moved) == (0, 0, 0)


async def test_many_pages_at_once_are_all_answered(browse: Open, million: Path) -> None:
    rows = await (await browse(million)).rows("events")
    await rows.settled()
    pages = await asyncio.gather(*(rows.page(start, 10) for start in range(0, 900_000, 9_000)))
    assert [firsts(page)[0] for page in pages] == [
        str(start + 1) for start in range(0, 900_000, 9_000)
    ]


async def test_a_page_nobody_waits_for_is_dropped(browse: Open, million: Path) -> None:
    rows = await (await browse(million)).rows("events")
    asked = [asyncio.create_task(rows.page(start, 500)) for start in range(0, 500_000, 5_000)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert all(task.cancelled() for task in asked)
    assert firsts(await asyncio.wait_for(rows.page(0, 1), DEADLINE)) == ["1"]


async def test_a_table_dropped_meanwhile_is_an_error_and_nothing_worse(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "dropped.db", 10)
    browser = await browse(path)
    rows = await browser.rows("events")
    write(path, "DROP TABLE events")
    with pytest.raises(BrowseError, match="no such table"):
        await rows.page(0, 1)
    with pytest.raises(BrowseError, match="no table “events”"):
        await browser.rows("events")
    await until(lambda: rows.count.state == "exact")
