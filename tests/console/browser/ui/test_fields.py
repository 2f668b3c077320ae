"""A row in full."""

from console.browser.model import Cell, ColumnInfo, Key, Row
from console.browser.ui.fields import FieldRow, items, value_lines
from console.browser.ui.links import Link
from console.kit.lines import plain, width_of

TEXT = ColumnInfo("note", "TEXT")


def said(cell: Cell, info: ColumnInfo = TEXT, width: int = 40) -> list[str]:
    return [plain(found) for found in value_lines(info, cell, width)]


def test_each_column_has_its_type_value_and_links() -> None:
    infos = (ColumnInfo("cycle_id", "INTEGER"), TEXT)
    row = Row(Key("rowid", (1,)), (Cell("integer", "7"), Cell("null")))
    link = Link("cycles", "cycle_id", "7")
    found = items(infos, row, [[link], []], 60)
    assert [item.link for item in found] == [None, link, None]
    assert plain(found[0].lines[0]).split() == ["cycle_id", "INTEGER", "7"]
    assert plain(found[1].lines[0]).split() == ["→", "cycles", "where", "cycle_id", "=", "7"]
    assert plain(found[2].lines[0]).split() == ["note", "TEXT", "NULL"]
    assert isinstance(found[0], FieldRow)


def test_a_long_text_is_wrapped_and_complete() -> None:
    found = said(Cell("text", "abcdefghij" * 20), width=30)
    assert "".join(found) == "abcdefghij" * 20
    assert all(len(line) <= 30 for line in found)


def test_lines_of_a_text_are_lines() -> None:
    assert said(Cell("text", "one\ntwo\r\n\tthree")) == ["one", "two\\r", "\\tthree"]


def test_wide_characters_are_wrapped_by_what_they_take() -> None:
    found = value_lines(TEXT, Cell("text", "漢字" * 50), 31)
    assert all(width_of(line) <= 31 for line in found)
    assert "".join(plain(line) for line in found) == "漢字" * 50


def test_what_is_not_shown_is_counted() -> None:
    assert said(Cell("text", "x" * 150_000))[-1] == "… 150,000 characters in all"
    assert said(Cell("text", "begun", 1_000))[-1] == "… 1,000 characters in all"
    assert said(Cell("text", "x\n" * 5_000))[-1] == "… 10,000 characters in all"
    assert said(Cell("text", f"[{'1,' * 3_000}1]"))[-1] == "… 3,003 lines in all"


def test_a_blob_is_dumped_from_its_beginning() -> None:
    found = said(Cell("blob", "48656c6c6f00ff"), width=80)
    assert found[0] == "x'48656c6c6f00ff' 7 B"
    assert found[1].startswith("0000  48 65 6c 6c 6f 00 ff")
    assert found[1].endswith("Hello··")
    assert said(Cell("blob", "00" * 2_000, 1_000_000))[-1] == "… 975.6 KiB more"


def test_a_time_is_said_in_utc_and_here() -> None:
    found = said(Cell("integer", "1767225602750"), ColumnInfo("started_ms", "INTEGER"))
    assert found[0] == "1767225602750"
    assert found[1] == "2026-01-01 00:00:02.750 UTC"
    assert found[2].startswith("202")


def test_json_is_indented_and_wrapped() -> None:
    found = said(Cell("text", '{"a":[1,2.50]}'))
    assert found == ["{", '  "a": [', "    1,", "    2.50", "  ]", "}"]
    assert all(len(line) <= 20 for line in said(Cell("text", '{"a":"' + "x" * 99 + '"}'), TEXT, 20))


def test_a_type_that_was_not_declared_so_is_said() -> None:
    infos = (ColumnInfo("qty", "INTEGER"),)
    row = Row(Key("rowid", (1,)), (Cell("text", "many"),))
    assert "many" in plain(items(infos, row, [[]], 60)[0].lines[0])


def test_on_a_narrow_screen_a_value_stands_below_its_name() -> None:
    infos = (ColumnInfo("a_rather_long_name", "INTEGER"), ColumnInfo("price", "TEXT"))
    cells = (Cell("integer", "1767225602750"), Cell("text", "1234567890.12345678901234567890"))
    found = items(infos, Row(Key("rowid", (1,)), cells), [[], []], 24)
    lines = [plain(part).rstrip() for item in found for part in item.lines]
    assert lines[:2] == [" a_rather_long_name  INTEGER", "   1767225602750"]
    assert "".join(line.strip() for line in lines[3:]) == cells[1].text
