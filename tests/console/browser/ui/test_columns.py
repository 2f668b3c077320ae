"""How columns stand."""

from console.browser.model import Cell, ColumnInfo, Key, Row
from console.browser.ui.cells import Times
from console.browser.ui.columns import Columns
from console.kit.lines import plain
from console.kit.widths import GAP

INFOS = (ColumnInfo("seq", "INTEGER"), ColumnInfo("note", "TEXT"), ColumnInfo("ts", "INTEGER"))


def row(*texts: str | None) -> Row:
    kinds = ("integer", "text", "integer")
    cells = tuple(
        Cell("null") if text is None else Cell(kind, text)  # type: ignore[arg-type]
        for kind, text in zip(kinds, texts, strict=True)
    )
    return Row(Key("rowid", (1,)), cells)


def widths(columns: Columns, room: int = 200) -> dict[str, int]:
    pinned, free = columns.placed(room)
    return {placed.column.title: placed.width for placed in (*pinned, *free)}


def test_a_column_grows_with_what_is_seen_and_never_shrinks() -> None:
    columns = Columns.of(INFOS, Times.RAW)
    assert widths(columns)["seq"] == 3
    assert columns.measure([row("123456", "x", "1")])
    assert widths(columns)["seq"] == 6
    assert not columns.measure([row("1", "x", "1")])
    assert widths(columns)["seq"] == 6


def test_a_number_gets_all_the_room_it_needs_and_a_text_what_is_left() -> None:
    columns = Columns.of(INFOS, Times.RAW)
    columns.measure([row("1" * 60, "word " * 40, "1")])
    assert widths(columns, 80) == {"seq": 60, "note": 36, "ts": 3}
    assert widths(columns, 160)["note"] == 160 - 60 - 3 - 3 * GAP


def test_decimal_texts_stand_right_until_a_word_is_among_them() -> None:
    columns = Columns.of((ColumnInfo("a", "TEXT"),), Times.RAW)
    key = Key("rowid", (1,))
    columns.measure([Row(key, (Cell("text", "1.50"),)), Row(key, (Cell("null"),))])
    assert columns.all[0].right
    columns.measure([Row(key, (Cell("text", "n/a"),))])
    columns.measure([Row(key, (Cell("text", "2.50"),))])
    assert not columns.all[0].right


def test_a_time_column_has_room_for_both() -> None:
    columns = Columns.of(INFOS, Times.UTC)
    found = row("1", "x", "1767225602750")
    columns.measure([found])
    assert widths(columns)["ts"] == len("1767225602750  2026-01-01 00:00:02.750")
    columns.set_times(Times.RAW)
    columns.measure([found])
    assert widths(columns)["ts"] == 13
    assert plain(columns.drawn(columns.all[2], found.cells[2])) == "1767225602750"


def test_pinned_columns_come_first_and_hidden_ones_not_at_all() -> None:
    columns = Columns.of(INFOS, Times.RAW)
    columns.all[2].pinned = True
    columns.all[0].hidden = True
    columns.changed()
    pinned, free = columns.placed(80)
    assert [placed.column.title for placed in pinned] == ["ts"]
    assert [placed.column.title for placed in free] == ["note"]
    assert columns.hidden == 1


def test_columns_that_are_not_in_the_rows_are_not_shown() -> None:
    infos = (ColumnInfo("secret", hidden="hidden"), ColumnInfo("seen"))
    columns = Columns.of(infos, Times.RAW)
    assert [(column.title, column.place) for column in columns.all] == [("seen", 0)]


def test_two_columns_of_one_name_are_two() -> None:
    columns = Columns.of((ColumnInfo("n"), ColumnInfo("n")), Times.RAW)
    key = Key("result", (0,))
    columns.measure([Row(key, (Cell("integer", "1"), Cell("integer", "22222")))])
    assert [column.wanted for column in columns.all] == [3, 5]
