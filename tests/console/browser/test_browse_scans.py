"""Filters, searches and sorts of whole tables, shown while they go on and stopped at any time."""

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from console.browser.client import Rows
from console.browser.model import BrowseError, Condition, Count, Operator, Progress, SortTerm
from tests.cases import mostly_long
from tests.console.browser.browsed import Open, firsts, insert, numbered, until, whole, write


async def keys(rows: Rows) -> list[int]:
    return [int(str(row.key.parts[0])) for row in await whole(rows, 20_000)]


def asked(path: Path, sql: str) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(sql)]


async def test_a_filter_finds_all_rows_there_are_not_those_that_were_loaded(
    browse: Open, gaps: Path
) -> None:
    browser = await browse(gaps)
    rows = await browser.rows("events", where=(Condition("qty", "=", "7.5"),))
    assert await keys(rows) == asked(gaps, "SELECT seq FROM events WHERE qty IN ('7.5', '7.50')")
    assert rows.count.state == "exact"
    rows = await browser.rows("events", where=(Condition("symbol", "=", "BTC/USDT"),))
    expected = asked(gaps, "SELECT seq FROM events WHERE symbol = 'BTC/USDT'")
    await rows.settled()
    assert rows.count == Count(len(expected), "exact", len(expected))
    for start in (0, 33_333, -1):
        assert firsts(await rows.page(start, 1)) == [str(expected[start])]


async def test_matches_show_while_the_scan_goes_on_in_the_order_asked_for(
    browse: Open, million: Path
) -> None:
    order = (SortTerm("seq", descending=True),)
    rows = await (await browse(million)).rows("events", order, search="ETH")
    reports: list[Progress] = []
    rows.on_progress = reports.append
    await until(lambda: rows.count.value > 0)
    early = rows.count
    assert firsts(await rows.page(0, 2)) == ["1000000", "999997"]
    assert early.state == "counting"
    assert early.value < 333_334
    await rows.settled()
    await until(lambda: bool(reports) and reports[-1].done)
    assert rows.count == Count(333_334, "exact", 333_334)
    assert reports[-1].doing == "filtering"
    assert (reports[-1].scanned, reports[-1].matches, reports[-1].share) == (1_000_000, 333_334, 1)
    shares: list[Any] = [report.share for report in reports]
    assert shares == sorted(shares)
    assert firsts(await rows.page(-1, 1)) == ["1"]


async def test_a_filter_on_an_index_is_answered_by_it(browse: Open, tmp_path: Path) -> None:
    path = numbered(
        tmp_path / "indexed.db", 60_000, "CREATE INDEX by_qty ON events (qty)", "ANALYZE"
    )
    browser = await browse(path)
    rows = await browser.rows("events", where=(Condition("symbol", "!=", "x"),))
    scanned = await browser.rows("events", where=(Condition("ts", "=", "1700000000005"),))
    assert await keys(scanned) == [5]
    assert scanned.progress is not None
    assert scanned.progress.scanned == 60_000
    found = await browser.rows("events", where=(Condition("seq", "=", "77"),))
    assert await keys(found) == [77]
    assert found.progress is not None
    assert found.progress.scanned == 1
    await rows.cancel()


@pytest.mark.parametrize("descending", [False, True])
async def test_a_sort_is_of_the_whole_table(browse: Open, gaps: Path, descending: bool) -> None:
    rows = await (await browse(gaps)).rows(
        "events", order=(SortTerm("symbol", descending), SortTerm("ts", not descending))
    )
    down, up = ("DESC", "") if descending else ("", "DESC")
    sql = f"SELECT seq FROM events ORDER BY symbol {down}, ts {up}, seq {up}"
    expected = asked(gaps, sql)
    await rows.settled()
    assert rows.count.value == len(expected)
    for start in range(0, len(expected), 20_011):
        page = await rows.page(start, 30)
        assert firsts(page) == list(map(str, expected[start : start + 30]))


async def test_the_first_rows_of_a_sort_are_there_before_it_is_done(
    browse: Open, million: Path
) -> None:
    rows = await (await browse(million)).rows("events", order=(SortTerm("ts", descending=True),))
    await until(lambda: rows.count.value > 0)
    assert rows.count.state == "counting"
    assert firsts(await rows.page(0, 1)) == ["1000000"]


async def test_a_sort_of_decimals_says_how_far_it_is(browse: Open, million: Path) -> None:
    rows = await (await browse(million)).rows("events", order=(SortTerm("qty"),))
    told: list[tuple[int, float | None]] = []
    rows.on_progress = lambda found: told.append((found.scanned, found.share))
    await until(lambda: told[-1:] == [(1_000_000, 1.0)])
    assert [scanned for scanned, _ in told] == sorted(scanned for scanned, _ in told)
    assert max(scanned for scanned, share in told if share is None) > 500_000


async def test_decimal_texts_sort_as_numbers(browse: Open, tmp_path: Path) -> None:
    amounts = ["10", "9.5", "-1", "1E-8", "0.00000001", "9.50", "-10.25", "0", "1e3", "999.999"]
    path = write(tmp_path / "amounts.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, qty TEXT)")
    insert(path, "t", list(enumerate(amounts)))
    browser = await browse(path)
    rows = await browser.rows("t", order=(SortTerm("qty"),))
    found = [row.cells[1].text for row in await whole(rows)]
    assert found == sorted(amounts, key=lambda amount: (Decimal(amount), amounts.index(amount)))


AMOUNT_CONDITIONS: list[tuple[Operator, str, list[int]]] = [
    ("<", "9", [2, 3, 5]),
    ("<=", "9.50", [2, 3, 5, 6, 7]),
    (">", "+9.5", [1, 4]),
    (">=", "9.5000000000000000000001", [1, 4]),
    ("=", "9.500", [6, 7]),
    ("!=", "9.5", [1, 2, 3, 4, 5]),
    ("~", "5", [4, 6, 7]),
    ("is null", "", [8]),
    ("is not null", "", [1, 2, 3, 4, 5, 6, 7]),
]


async def test_amounts_compare_exactly(browse: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "amounts.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, qty TEXT)")
    amounts = ["10", "-1", "1E-8", "9.500000000000000000001", "-12", "9.5", "9.50", None]
    amounts[3] = "9.5000000000000000000002"
    insert(path, "t", list(enumerate(amounts, 1)))
    browser = await browse(path)
    for operator, operand, expected in AMOUNT_CONDITIONS:
        rows = await browser.rows("t", where=(Condition("qty", operator, operand),))
        assert await keys(rows) == expected, (operator, operand)


KIND_CONDITIONS = [
    (Condition("n", "=", "5"), [1]),
    (Condition("n", "=", "5.0"), [1]),
    (Condition("n", ">", "4.5"), [1, 2]),
    (Condition("n", "<", "-9223372036854775807"), [4]),
    (Condition("n", "=", "9223372036854775807"), [2]),
    (Condition("n", "~", "22"), [2, 4]),
    (Condition("n", "=", "text"), []),
    (Condition("r", "=", "0.1"), [1]),
    (Condition("r", ">=", "0.1"), [1, 2]),
    (Condition("t", "=", "100%"), [1]),
    (Condition("t", "~", "%"), [1]),
    (Condition("t", "~", "_"), [2]),
    (Condition("t", "~", "\\"), [3]),
    (Condition("t", "~", "É"), [4]),
    (Condition("t", "~", "é"), [4]),
    (Condition("t", ">", "2024"), [2, 3, 4]),
    (Condition("t", "<=", "a_b"), [1, 2, 4]),
    (Condition("b", "=", "00ff"), [1]),
    (Condition("b", "~", "ff"), [1, 2]),
    (Condition("b", "=", "7"), [3]),
    (Condition("b", ">", "6"), [3, 4]),
    (Condition("b", "=", "8"), [4]),
    (Condition("x", "is null", ""), [1, 2, 3, 4]),
]


async def test_each_kind_of_value_compares_as_what_it_is(browse: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "kinds.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, r REAL, t TEXT, b, x TEXT)",
        "INSERT INTO t VALUES (1, 5, 0.1, '100%', x'00ff', NULL), "
        "(2, 9223372036854775807, 0.2, 'a_b', x'ff', NULL), (3, 0, -1, 'back\\slash', 7, NULL), "
        "(4, -9223372036854775808, NULL, 'CAFÉ', '8', NULL)",
    )
    browser = await browse(path)
    for condition, expected in KIND_CONDITIONS:
        rows = await browser.rows("t", where=(condition,))
        assert await keys(rows) == expected, condition


async def test_conditions_and_a_search_all_hold(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "all.db", 2_000)
    rows = await (await browse(path)).rows(
        "events",
        order=(SortTerm("qty", descending=True),),
        where=(Condition("symbol", "=", "BTC/USDT"), Condition("seq", ">", "1000")),
        search="99.",
    )
    found = await keys(rows)
    assert sorted(found) == asked(
        path,
        "SELECT seq FROM events WHERE symbol = 'BTC/USDT' AND seq > 1000 AND qty LIKE '%99.%'",
    )
    assert len(found) > 1


async def test_tables_without_rowid_are_filtered_and_sorted_too(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "pairs.db",
        "CREATE TABLE pairs (a TEXT, b INT, note TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID",
        "CREATE INDEX by_note ON pairs (note)",
    )
    insert(path, "pairs", [(f"k{i % 100:02}", i, f"n{i % 4}") for i in range(30_000)])
    browser = await browse(path)
    rows = await browser.rows("pairs", where=(Condition("note", "=", "n1"),))
    found = [row.key.parts for row in await whole(rows, 5_000)]
    assert len(found) == 7_500
    assert found == sorted(found)
    rows = await browser.rows("pairs", order=(SortTerm("b", descending=True),))
    await rows.settled()
    assert [row.key.parts[1] for row in (await rows.page(20_000, 2)).rows] == [9_999, 9_998]
    assert await rows.find_key("k00,100") == 29_899


async def test_views_are_filtered_and_sorted_too(browse: Open, tmp_path: Path) -> None:
    path = numbered(
        tmp_path / "views.db",
        3_000,
        "CREATE VIEW v AS SELECT symbol, qty, seq FROM events",
    )
    rows = await (await browse(path)).rows(
        "v", (SortTerm("qty"),), (Condition("qty", ">=", "990.5"),), search="BTC"
    )
    found = [row.cells[1].text for row in await whole(rows)]
    assert found == sorted(found, key=Decimal)
    assert len(found) > 3
    assert all(Decimal(text) >= Decimal("990.5") for text in found)


async def test_esc_stops_a_scan_and_keeps_what_it_found(browse: Open, million: Path) -> None:
    rows = await (await browse(million)).rows("events", search="BTC")
    await until(lambda: rows.count.value > 0)
    await rows.cancel()
    await rows.settled()
    assert rows.count.state == "at_least"
    assert 0 < rows.count.value < 333_333
    assert rows.stopped == "stopped"
    assert firsts(await rows.page(0, 1)) == ["3"]
    await rows.refresh(recount=True)
    await rows.settled()
    assert (rows.count.value, rows.stopped) == (333_333, "")


async def test_esc_stops_a_sort_at_once(browse: Open, million: Path) -> None:
    browser = await browse(million)
    rows = await browser.rows("events", order=(SortTerm("qty"), SortTerm("symbol")))
    await until(lambda: rows.count.state == "counting")
    await rows.cancel()
    await rows.settled()
    assert rows.count.state == "at_least"
    other = await browser.rows("events")
    assert firsts(await other.page(0, 1)) == ["1"]


async def test_pages_are_answered_while_a_scan_runs(browse: Open, million: Path) -> None:
    browser = await browse(million)
    scan = await browser.rows("events", order=(SortTerm("qty"),))
    rows = await browser.rows("events")
    answered = 0
    while scan.count.state == "counting" and answered < 50:
        assert len((await rows.page(answered * 1_000, 40)).rows) == 40
        answered += 1
    assert answered > 5


async def test_the_next_match_is_found_from_anywhere_both_ways(browse: Open, gaps: Path) -> None:
    rows = await (await browse(gaps)).rows("events")
    expected = asked(gaps, "SELECT seq FROM events ORDER BY seq")
    matches = asked(gaps, "SELECT seq FROM events WHERE qty LIKE '%7.96%' ORDER BY seq")
    places = [expected.index(seq) for seq in matches[:3]]
    assert await rows.find_next("7.96", 0) == places[0]
    assert await rows.find_next("7.96", places[0]) == places[0]
    assert await rows.find_next("7.96", places[0] + 1) == places[1]
    assert await rows.find_next("7.96", places[2] - 1, backwards=True) == places[1]
    assert await rows.find_next("7.96", places[0] - 1, backwards=True) is None
    assert await rows.find_next("nowhere to be found", 0) is None
    assert await rows.find_next("7.96", len(expected)) is None
    assert await rows.find_next("7.96", -1, backwards=True) is None


async def test_the_next_match_is_found_in_sorted_rows_views_and_results(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(
        tmp_path / "finding.db",
        2_000,
        "CREATE VIEW v AS SELECT seq, symbol, qty FROM events ORDER BY seq DESC",
    )
    browser = await browse(path)
    down = await browser.rows("events", order=(SortTerm("seq", descending=True),))
    assert await down.find_next("1700000000007", 0) == 1_993
    assert await down.find_next("1700000000007", 1_999, backwards=True) == 1_993
    by_time = await browser.rows("events", order=(SortTerm("ts", descending=True),))
    await by_time.settled()
    assert await by_time.find_next("1700000000007", 0) == 1_993
    view = await browser.rows("v")
    await view.settled()
    assert firsts(await view.page(0, 1)) == ["2000"]
    assert await view.find_next("btc", 0) == 2
    assert await view.find_next("btc", 1_999, backwards=True) == 1_997
    result = await browser.query("SELECT seq, symbol FROM events")
    await result.settled()
    assert await result.find_next("eth/", 1) == 3


async def test_a_search_for_the_next_match_can_be_stopped(browse: Open, million: Path) -> None:
    rows = await (await browse(million)).rows("events")
    searching = asyncio.create_task(rows.find_next("nowhere to be found", 0))
    await until(lambda: rows.progress is not None and rows.progress.doing == "searching")
    await rows.cancel()
    with pytest.raises(BrowseError) as raised:
        await searching
    assert raised.value.trouble == "stopped"


@pytest.mark.parametrize("descending", [False, True])
async def test_a_filter_follows_appended_rows(
    browse: Open, tmp_path: Path, descending: bool
) -> None:
    path = numbered(tmp_path / "follow.db", 30_000)
    order = (SortTerm("seq", descending),)
    rows = await (await browse(path)).rows("events", order, search="BTC")
    await rows.settled()
    assert rows.count.value == 10_000
    insert(
        path, "events", [(i, "BTC/USDT" if i % 2 else "x", "1", i) for i in range(40_001, 40_009)]
    )
    await rows.refresh()
    await rows.settled()
    assert rows.count == Count(10_004, "exact", 10_004)
    insert(path, "events", [(50_001, "BTC/USDT", "1", 0)])
    await rows.refresh()
    await rows.settled()
    newest = ["50001", "40007", "40005", "40003", "40001", "30000"]
    if descending:
        assert firsts(await rows.page(0, 6)) == newest
        assert firsts(await rows.page(3, 3)) == newest[3:]
        assert await rows.find_key("40005") == 2
        assert await rows.find_key("29997") == 6
    else:
        assert firsts(await rows.page(-6, 6)) == newest[::-1]


async def test_a_filter_of_an_empty_table_follows_too(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "fresh.db", 1, "DELETE FROM events")
    browser = await browse(path)
    rows, found = await browser.rows("events"), await browser.rows("events", search="BTC")
    await found.settled()
    assert rows.count == found.count == Count(0, "exact", 0)
    insert(path, "events", [(1, "BTC/USDT", "1", 0), (2, "x", "1", 0)])
    for view in (rows, found):
        await view.refresh()
        await view.settled()
    assert (rows.count.value, found.count.value) == (2, 1)


async def test_one_row_by_a_unique_key_sorts_on_amounts_too(browse: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "one.db", "CREATE TABLE t (k TEXT PRIMARY KEY, qty TEXT)")
    insert(path, "t", [(f"fill:{i}", f"{i}.5") for i in range(100)])
    rows = await (await browse(path)).rows(
        "t", (SortTerm("qty"),), (Condition("k", "=", "fill:7"),)
    )
    assert [row.cells[1].text for row in await whole(rows)] == ["7.5"]
    assert rows.stopped == ""


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
async def test_a_text_that_is_no_text_stops_no_scan(
    browse: Open, tmp_path: Path, encoding: str
) -> None:
    path = write(
        tmp_path / "bytes.db",
        f"PRAGMA encoding = '{encoding}'",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, qty TEXT, note TEXT)",
    )
    insert(path, "t", [(i, f"{i}.5", "Ünder" if i == 7 else "plain") for i in range(1, 300)])
    write(path, "INSERT INTO t VALUES (1000, CAST(x'ff31d8' AS TEXT), CAST(x'c3d8' AS TEXT))")
    insert(path, "t", [(i, f"{i}.5", "x") for i in range(2_000, 2_200)])
    browser = await browse(path)
    for where, search, expected in [
        ((Condition("qty", "<", "9.5"),), "", [1, 2, 3, 4, 5, 6, 7, 8]),
        ((Condition("qty", "=", "7.50"),), "", [7]),
        ((Condition("note", "~", "üN"),), "", [7]),
        ((), "ün", [7]),
    ]:
        rows = await browser.rows("t", where=where, search=search)
        assert await keys(rows) == expected, (where, search)
    assert await (await browser.rows("t")).find_next("ün", 0) == 6
    rows = await browser.rows("t", order=(SortTerm("qty"),))
    assert (await keys(rows))[-2:] == [2_199, 1_000]


async def test_an_amount_equals_what_is_the_same_number_wherever_it_stands(
    browse: Open, tmp_path: Path
) -> None:
    """Also where the rows one looks at first are whole numbers."""
    path = write(tmp_path / "whole.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, px TEXT, n)")
    insert(path, "t", [(i, "100" if i % 2 else "7", i % 2) for i in range(1, 1_001)])
    write(path, "UPDATE t SET px = '100.0', n = '1.00' WHERE id IN (400, 402)")
    browser = await browse(path)
    for column, one in (("px", "100"), ("n", "1")):
        counts = []
        for operator in ("=", "!=", "<", "<=", ">", ">="):
            for operand in (one, f"{one}.0"):
                rows = await browser.rows("t", where=(Condition(column, operator, operand),))
                counts.append(len(await keys(rows)))
        assert counts == [502, 502, 498, 498, 498, 498, 1_000, 1_000, 0, 0, 502, 502]


async def test_a_number_in_a_unique_column_is_looked_up_as_it_is_written(
    browse: Open, tmp_path: Path
) -> None:
    path = write(tmp_path / "ids.db", "CREATE TABLE t (id TEXT PRIMARY KEY, v)")
    insert(path, "t", [(str(i), i) for i in range(30_000)])
    rows = await (await browse(path)).rows("t", where=(Condition("id", "=", "777"),))
    assert [row.cells[0].text for row in await whole(rows)] == ["777"]
    assert rows.progress is not None
    assert rows.progress.scanned == 1


async def test_equal_to_a_cell_finds_its_row_whatever_it_holds(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "cells.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n NUMERIC, x)",
        "CREATE VIEW v AS SELECT * FROM t",
        "INSERT INTO t VALUES (1, x'1234', x'01', x'1234'), (2, '1234', 9e999, -9e999), "
        "(3, ' 5 ', 1e16, '5'), (4, 'é', 0.1, 0.1 + 0.2), "
        "(5, CAST(x'ff41' AS TEXT), 'abc', CAST(x'ff41' AS TEXT)), "
        "(6, '', x'', x''), (7, '\\xff41', -9223372036854775808, '1' || char(0) || '2')",
    )
    browser = await browse(path)
    for table in ("t", "v"):
        rows = await browser.rows(table)
        for row in await whole(rows):
            for column, cell in zip(rows.columns, row.cells, strict=True):
                equal = await browser.rows(table, where=(Condition(column.name, "=", cell.text),))
                found = [other.cells[0].text for other in await whole(equal)]
                assert row.cells[0].text in found, (table, column, cell)
                await equal.close()


async def test_what_is_shown_is_found_alike_by_filter_search_and_find(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "shown.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
        "CREATE VIEW v AS SELECT * FROM t",
        "INSERT INTO t VALUES (101, 'ab' || char(0) || 'hidden'), (102, 0.1 + 0.2), (103, 1e16), "
        "(104, 9e999), (105, x'0aff'), (106, CAST(x'41ff' AS TEXT)), (107, 'Straße 50%_x\\y'), "
        "(108, -42), (109, NULL)",
    )
    browser = await browse(path)
    for text, expected in [
        ("HIDDEN", [101]),
        ("00000004", [102]),
        ("1e+16", [103]),
        ("inf", [104]),
        ("0AFF", [105]),
        ("aff", []),
        ("\\xff", [106]),
        ("ss", []),
        ("ßE", [107]),
        ("0%_", [107]),
        ("\\Y", [107]),
        ("-42", [108]),
    ]:
        for table in ("t", "v"):
            filtered = await browser.rows(table, where=(Condition("a", "~", text),))
            searched = await browser.rows(table, search=text)
            rows = await browser.rows(table)
            await rows.settled()
            found = await rows.find_next(text, 0)
            for view in (filtered, searched):
                shown = [int(row.cells[0].text) for row in await whole(view)]
                assert shown == expected, (table, text)
            assert ([] if found is None else [101 + found]) == expected, (table, text)
            for view in (filtered, searched, rows):
                await view.close()


async def test_any_in_a_strict_table_that_only_a_scan_reads_sorts_amounts_among_numbers(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "any.db",
        "CREATE TABLE t (rowid TEXT, _rowid_ TEXT, oid TEXT, x ANY) STRICT",
        "INSERT INTO t VALUES ('', '', '', '10'), ('', '', '', 9.5), ('', '', '', '9')",
    )
    browser = await browse(path)
    rows = await browser.rows("t", (SortTerm("x"),))
    assert [row.cells[3].text for row in await whole(rows)] == ["9", "9.5", "10"]
    rows = await browser.rows("t", where=(Condition("x", ">=", "9.5"),))
    assert {row.cells[3].text for row in await whole(rows)} == {"9.5", "10"}


@mostly_long("columns", [2_000, 999])
async def test_tables_as_wide_as_sqlite_has_them_are_read_searched_and_found_in(
    browse: Open, tmp_path: Path, columns: int
) -> None:
    names = ", ".join(f"column_{number}" for number in range(columns))
    path = write(tmp_path / "wide.db", f"CREATE TABLE t ({names})")
    for first in ("1", "2"):
        write(path, f"INSERT INTO t VALUES ({first}{', 7' * (columns - 2)}, 'last{first}')")
    browser = await browse(path)
    rows = await browser.rows("t")
    page = await rows.page(0, 9)
    assert [(len(row.cells), row.cells[0].text) for row in page.rows] == [
        (columns, "1"),
        (columns, "2"),
    ]
    assert await rows.find_next("last2", 0) == 1
    for search, expected in (("last2", ["2"]), ("7", ["1", "2"])):
        found = [row.cells[0].text for row in await whole(await browser.rows("t", search=search))]
        assert found == expected
    assert await rows.export("csv", tmp_path / "wide.csv") == 2


async def test_what_is_typed_wrongly_is_said_plainly(browse: Open, tmp_path: Path) -> None:
    browser = await browse(numbered(tmp_path / "wrong.db", 3))
    with pytest.raises(BrowseError, match="no column “nope”"):
        await browser.rows("events", where=(Condition("nope", "=", "1"),))
    with pytest.raises(BrowseError, match="is no comparison"):
        await browser.rows("events", where=(Condition("qty", "=="),))  # type: ignore[arg-type]
    with pytest.raises(BrowseError, match="no table “nope”"):
        await browser.rows("nope")
