"""Typed SQL: it reads, within limits, and nothing it does harms anything."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from console.browser.model import QUERIES, BrowseError, Condition, Limits, SortTerm
from tests.console.browser.browsed import Open, firsts, numbered, pid_of, texts, until, whole, write

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"
# One call of one C function, which looks at no interrupt.
ONE_CALL = "SELECT instr(zeroblob(4000000), zeroblob(2000000) || x'01')"
FORBIDDEN = [
    ("INSERT INTO events VALUES (1, 2, 3, 4)", "INSERT events"),
    ("UPDATE events SET qty = 1", "UPDATE events"),
    ("WITH x AS (SELECT 1) DELETE FROM events", "DELETE events"),
    ("REPLACE INTO events VALUES (1, 2, 3, 4)", "INSERT events"),
    ("DROP TABLE events", "DROP TABLE events"),
    ("ALTER TABLE events ADD COLUMN x", "ALTER TABLE events"),
    ("CREATE TABLE x (a)", "CREATE TABLE x"),
    ("CREATE TEMP TABLE x (a)", "CREATE TEMP TABLE x"),
    ("CREATE VIRTUAL TABLE x USING fts5 (a)", "CREATE VIRTUAL TABLE x"),
    ("CREATE TEMP VIEW x AS SELECT 1", "CREATE TEMP VIEW x"),
    ("ATTACH ':memory:' AS x", "ATTACH"),
    ("VACUUM INTO '{folder}/stolen.db'", "VACUUM"),
    ("VACUUM", "VACUUM"),
    ("BEGIN", "BEGIN"),
    ("SAVEPOINT x", "SAVEPOINT"),
    ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode"),
    ("PRAGMA user_version = 7", "PRAGMA user_version"),
    ("PRAGMA writable_schema = ON", "PRAGMA writable_schema"),
    ("PRAGMA query_only = OFF", "PRAGMA query_only"),
    ("PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint"),
    ("REINDEX", "REINDEX"),
    ("ANALYZE", "CREATE TABLE sqlite_stat1"),
    ("SELECT load_extension('x')", "load_extension"),
    ("SELECT fts3_tokenizer('simple')", "fts3_tokenizer"),
    ("EXPLAIN DELETE FROM events", "DELETE events"),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return numbered(
        tmp_path / "ledger.db",
        5_000,
        "CREATE INDEX by_ts ON events (ts)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )


async def test_a_statement_that_would_do_more_than_read_is_refused_by_name(
    browse: Open, ledger: Path
) -> None:
    before = ledger.read_bytes()
    browser = await browse(ledger, QUERIES)
    for sql, named in FORBIDDEN:
        with pytest.raises(BrowseError, match="only reading is possible") as raised:
            await browser.query(sql.format(folder=ledger.parent))
        assert raised.value.trouble == "refused"
        assert named in str(raised.value), sql
    assert ledger.read_bytes() == before
    assert not (ledger.parent / "stolen.db").exists()


WRONG = [
    ("SELECT 1; SELECT 2", "one statement"),
    ("", "no statement"),
    ("-- nothing", "no statement"),
    ("SELEC 1", "syntax error"),
    ("SELECT nope FROM events", "no such column"),
    ("SELECT * FROM nowhere", "no such table"),
    ("SELECT readfile('/etc/passwd')", "readfile"),
    ("SELECT '\udcff'", "utf-8"),
    ("UPDATE sqlite_master SET sql = ''", "may not be modified"),
]


async def test_what_is_no_reading_statement_says_what_is_wrong(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, QUERIES)
    for sql, said in WRONG:
        with pytest.raises(BrowseError, match=said) as raised:
            await browser.query(sql)
        assert raised.value.trouble in ("wrong", "refused"), sql


async def test_results_of_any_kind_browse_like_tables(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, QUERIES)
    rows = await browser.query("SELECT seq, qty, qty AS qty, seq / 2.0 FROM events ORDER BY seq;")
    assert [column.name for column in rows.columns] == ["seq", "qty", "qty_2", "seq / 2.0"]
    assert [column.decimal for column in rows.columns] == [False, True, True, False]
    found = await whole(rows)
    assert len(found) == 5_000
    assert found[4_999].cells[3].text == "2500.0"
    assert (await rows.row(found[7].key)).cells == found[7].cells
    assert firsts(await rows.page(-2, 2)) == ["4999", "5000"]
    assert texts(await (await browser.query("PRAGMA table_info(events)")).page(0, 1))[0][1] == "seq"
    assert (await (await browser.query("EXPLAIN QUERY PLAN SELECT 1")).page(0, 1)).rows
    listed = await whole(await browser.query("VALUES (1), (2)"))
    assert [row.cells[0].text for row in listed] == ["1", "2"]
    empty = await browser.query("SELECT seq FROM events WHERE 0")
    await empty.settled()
    assert (empty.count.value, empty.count.state, len(empty.columns)) == (0, "exact", 1)


async def test_a_result_can_be_sorted_filtered_and_searched(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, QUERIES)
    sql = "SELECT symbol, count(*) AS n, max(qty) AS most FROM events GROUP BY symbol;"
    rows = await browser.query(sql, (SortTerm("n", descending=True), SortTerm("symbol")))
    assert [row.cells[0].text for row in await whole(rows)] == ["ETH/USDT", "SOL/USDT", "BTC/USDT"]
    rows = await browser.query(sql, where=(Condition("n", "<", "1667"),))
    assert [row.cells[0].text for row in await whole(rows)] == ["BTC/USDT"]
    rows = await browser.query(sql, search="sol")
    assert [row.cells[0].text for row in await whole(rows)] == ["SOL/USDT"]
    with pytest.raises(BrowseError, match="no column"):
        await browser.query(sql, (SortTerm("nope"),))


async def test_each_of_several_columns_of_one_name_can_be_sorted_and_filtered(
    browse: Open, ledger: Path
) -> None:
    browser = await browse(ledger, QUERIES)
    sql = "SELECT seq AS a, -seq AS A, seq % 7 AS a, symbol FROM events LIMIT 50"
    assert [c.name for c in (await browser.query(sql)).columns] == ["a", "A_2", "a_3", "symbol"]
    for number, name in enumerate(["a", "A_2", "a_3"]):
        rows = await browser.query(sql, (SortTerm(name),))
        assert [column.name for column in rows.columns] == ["a", "A_2", "a_3", "symbol"]
        found = [int(row.cells[number].text) for row in await whole(rows)]
        assert (found, len(found)) == (sorted(found), 50)
    rows = await browser.query(sql, where=(Condition("A_2", "=", "-7"),))
    await rows.settled()
    assert texts(await rows.page(0, 9)) == [["7", "-7", "0", "ETH/USDT"]]


@pytest.mark.parametrize(
    "end", ["; -- comment", " -- comment", ";;\n", "; /* one */ -- two", " /* open", ";"]
)
async def test_a_statement_may_end_with_semicolons_and_comments(
    browse: Open, ledger: Path, end: str
) -> None:
    browser = await browse(ledger, QUERIES)
    sql = f"SELECT seq, ';-- ' AS \"a;--b\", '/*' FROM events WHERE seq < 4{end}"
    plain = await browser.query(sql)
    ordered = await browser.query(sql, (SortTerm("seq", descending=True),))
    assert [row.cells[0].text for row in await whole(ordered)] == ["3", "2", "1"]
    assert plain.columns[:2] == ordered.columns[:2]
    with pytest.raises(BrowseError, match="syntax error"):
        await browser.query(f"SELECT seq FROM events; SELECT 2{end}", (SortTerm("seq"),))


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
async def test_a_full_disk_is_said_in_words(browse: Open, ledger: Path) -> None:
    import resource

    browser = await browse(ledger, Limits())
    await browser.tables()
    limits = (100_000, 100_000)
    resource.prlimit(pid_of(browser), resource.RLIMIT_FSIZE, limits)
    rows = await browser.query("SELECT seq, hex(zeroblob(100)) FROM events")
    await rows.settled()
    assert rows.stopped.endswith("there is no disk space left for temporary files")
    assert rows.count.state == "at_least"


async def test_a_result_is_cut_at_its_limit_and_says_so(browse: Open, ledger: Path) -> None:
    limits = Limits(seconds=30, rows=1_000, memory_mib=512)
    browser = await browse(ledger, limits)
    rows = await browser.query(ENDLESS.format("i"))
    await rows.settled()
    assert (rows.count.value, rows.count.state) == (1_000, "at_least")
    assert rows.stopped == "stopped at 1,000 rows"
    assert firsts(await rows.page(-1, 1)) == ["1000"]
    exactly = await browser.query("SELECT seq FROM events LIMIT 1000")
    await exactly.settled()
    assert (exactly.count.state, exactly.stopped) == ("exact", "")


async def test_a_result_is_cut_at_the_disk_space_it_may_take(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, Limits(seconds=30, spool_mib=2))
    rows = await browser.query(ENDLESS.format("hex(zeroblob(1000))"))
    await rows.settled()
    assert rows.stopped == "stopped at 2 MiB"
    assert 500 < rows.count.value < 5_000


async def test_a_query_that_finds_nothing_in_time_is_stopped(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, Limits(seconds=0.3))
    with pytest.raises(BrowseError, match=r"stopped after 0\.3 s") as raised:
        await browser.query(ENDLESS.format("count(*)"))
    assert raised.value.trouble == "stopped"
    assert texts(await (await browser.query("SELECT 1")).page(0, 1)) == [["1"]]


async def test_rows_found_before_the_time_was_up_stay(browse: Open, ledger: Path) -> None:
    rows = await (await browse(ledger, Limits(seconds=0.3))).query(ENDLESS.format("i"))
    await rows.settled()
    assert rows.stopped == "stopped after 0.3 s"
    assert rows.count.state == "at_least"
    assert firsts(await rows.page(rows.count.value - 1, 1)) == [str(rows.count.value)]


async def test_a_query_in_one_long_call_is_killed_with_its_process(
    browse: Open, ledger: Path
) -> None:
    browser = await browse(ledger, Limits(seconds=0.3))
    table = await browser.rows("events")
    first = pid_of(browser)
    with pytest.raises(BrowseError, match=r"stopped after 0\.3 s"):
        await browser.query(ONE_CALL)
    assert texts(await (await browser.query("SELECT 1")).page(0, 1)) == [["1"]]
    assert pid_of(browser) != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    # What was open beside it is opened again by its next call.
    assert firsts(await table.page(4_999, 1)) == ["5000"]


async def test_a_query_beyond_its_memory_is_stopped_and_the_next_one_works(
    browse: Open, ledger: Path
) -> None:
    browser = await browse(ledger, Limits(seconds=30, memory_mib=256, cell_mib=900))
    with pytest.raises(BrowseError) as raised:
        await browser.query("SELECT group_concat(hex(zeroblob(1000000))) FROM events")
    assert raised.value.trouble in ("stopped", "worker")
    assert texts(await (await browser.query("SELECT 1")).page(0, 1)) == [["1"]]


async def test_a_value_larger_than_allowed_is_an_error(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, QUERIES)
    with pytest.raises(BrowseError, match="larger than may be read"):
        await browser.query("SELECT zeroblob(100000000)")


async def test_a_cancelled_query_stops_and_leaves_the_process_free(
    browse: Open, ledger: Path
) -> None:
    browser = await browse(ledger, QUERIES)
    asked = asyncio.create_task(browser.query(ENDLESS.format("count(*)")))
    await asyncio.sleep(0.05)
    asked.cancel()
    with suppress(asyncio.CancelledError):
        await asked
    threads = Path(f"/proc/{pid_of(browser)}/task")

    def idle() -> bool:
        return len(list(threads.iterdir())) <= 2

    if threads.is_dir():
        await until(idle)
    assert texts(await (await browser.query("SELECT 1")).page(0, 1)) == [["1"]]


async def test_closed_rows_stop_their_scan(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, QUERIES)
    rows = await browser.query(ENDLESS.format("i"))
    await rows.close()
    other = await browser.query("SELECT 2")
    assert texts(await other.page(0, 1)) == [["2"]]


async def test_a_query_can_be_run_again_within_the_same_limits(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, Limits(seconds=1))
    rows = await browser.query("SELECT count(*) FROM events")
    assert texts(await rows.page(0, 1)) == [["5000"]]
    write(ledger, "DELETE FROM events WHERE seq > 4000")
    await rows.refresh(recount=True)
    await rows.settled()
    assert texts(await rows.page(0, 1)) == [["4000"]]
    endless = await browser.query(ENDLESS.format("i"))
    await endless.settled()
    await endless.refresh(recount=True)
    await endless.settled()
    assert endless.stopped == "stopped after 1 s"


async def test_words_complete_what_was_begun(browse: Open, ledger: Path) -> None:
    browser = await browse(ledger, QUERIES)
    assert await browser.complete("SELECT * FROM ev", 16) == ("events",)
    assert "qty" in await browser.complete("SELECT q FROM events", 8)
    assert await browser.complete("SELECT e.s FROM events AS e", 10) == ("seq", "symbol")
    assert "SELECT" in await browser.complete("sel", 3)
    assert "json_extract" in await browser.complete("SELECT json_ex", 14)
    assert "load_extension" not in await browser.complete("SELECT load", 11)
