"""What tables there are, in any database."""

from pathlib import Path

from tests.console.browser.browsed import Open, write

ODD = ['a"b', "select", "naïve 表", "two words", "[x]", "semi;colon", "'quoted'", "%_\\"]


async def test_tables_views_and_virtual_tables_are_listed_by_name(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "mixed.db",
        "CREATE TABLE zebra (id INTEGER PRIMARY KEY, name TEXT NOT NULL, UNIQUE (name))",
        "CREATE TABLE pairs (a TEXT, b INT, c REAL, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "CREATE TABLE exact (n INTEGER, t TEXT, x ANY) STRICT",
        "CREATE VIEW names AS SELECT name FROM zebra",
        "CREATE VIRTUAL TABLE notes USING fts5 (body)",
        "CREATE TABLE made (a INT, b INT AS (a + 1), c INT AS (a * 2) STORED)",
    )
    tables = {table.name: table for table in await (await browse(path)).tables()}
    visible = [name for name, table in tables.items() if not table.shadow]
    assert visible == ["exact", "made", "names", "notes", "pairs", "zebra"]
    assert {name: tables[name].kind for name in visible} == {
        "exact": "table",
        "made": "table",
        "names": "view",
        "notes": "virtual",
        "pairs": "table",
        "zebra": "table",
    }
    assert "notes_data" in tables
    assert [column.primary for column in tables["pairs"].columns] == [2, 1, 0]
    assert [column.type for column in tables["exact"].columns] == ["INTEGER", "TEXT", "ANY"]
    assert [column.hidden for column in tables["made"].columns] == ["", "virtual", "stored"]
    assert {column.hidden for column in tables["notes"].columns} == {"", "hidden"}


async def test_a_table_that_cannot_be_read_says_why_and_the_others_are_there(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "broken.db",
        "CREATE TABLE good (a)",
        "CREATE VIEW bad AS SELECT * FROM good",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE VIEW bad AS SELECT * FROM missing' "
        "WHERE name = 'bad'",
        "INSERT INTO sqlite_schema VALUES ('table', 'alien', 'alien', 0, "
        "'CREATE VIRTUAL TABLE alien USING unheard_of (x)')",
    )
    problems = {table.name: table.problem for table in await (await browse(path)).tables()}
    assert problems["good"] == ""
    assert "missing" in problems["bad"]
    assert "unheard_of" in problems["alien"]


async def test_any_name_can_be_opened_sorted_filtered_and_searched(
    browse: Open, tmp_path: Path
) -> None:
    from console.browser.model import Condition, SortTerm

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    columns = ", ".join(quoted(name) for name in ODD)
    marks = ", ".join(f"'{number}'" for number in range(len(ODD)))
    statements = []
    for name in ODD:
        statements.append(f"CREATE TABLE {quoted(name)} ({columns})")
        statements.append(f"INSERT INTO {quoted(name)} VALUES ({marks})")
    browser = await browse(write(tmp_path / "odd names #1 100%?.db", *statements))
    assert {table.name for table in await browser.tables()} == set(ODD)
    for number, name in enumerate(ODD):
        rows = await browser.rows(
            name,
            order=(SortTerm(name, descending=True),),
            where=(Condition(name, "=", str(number)),),
            search=str(number),
        )
        await rows.settled()
        assert rows.count.value == 1, name
        assert [column.name for column in rows.columns] == ODD
        await rows.close()


async def test_an_empty_file_is_a_database_without_tables(browse: Open, tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert await (await browse(path)).tables() == ()


async def test_columns_of_decimal_texts_are_told_from_other_texts(
    browse: Open, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "decimals.db",
        "CREATE TABLE t (qty TEXT, id TEXT, zip TEXT, mixed TEXT, n INTEGER, none TEXT)",
        "INSERT INTO t VALUES ('1.50', 'a1', '0123', '1', 5, NULL), "
        "('-0.1', 'b2', '0456', 'x', 6, NULL), (NULL, 'c3', '0789', NULL, 7, NULL), "
        "('1E-8', 'd4', '9', '3', 8, NULL)",
    )
    rows = await (await browse(path)).rows("t")
    assert {column.name for column in rows.columns if column.decimal} == {"qty"}
