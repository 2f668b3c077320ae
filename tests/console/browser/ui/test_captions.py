"""What is said about rows: never more certain than it is."""

import pytest

from console.browser.model import Cell, ColumnInfo, Condition, Count, Progress
from console.browser.ui.captions import chips, counted, in_full
from console.browser.ui.table_query import TableQuery
from console.kit.formats import plural
from console.kit.lines import plain


def running(share: float | None = None) -> Progress:
    return Progress("filtering", 12_000, 7, share)


@pytest.mark.parametrize(
    ("count", "progress", "stopped", "said"),
    [
        (Count(10_080_000, "exact"), None, "", "row 3 of 10,080,000 exact"),
        (Count(7, "counting"), running(0.345), "", "row 3 of ≥ 7 · filtering 34%  esc stops"),
        (
            Count(7, "counting"),
            running(),
            "",
            "row 3 of ≥ 7 · filtering 12,000 looked at  esc stops",
        ),
        (Count(7, "counting"), None, "", "row 3 of ≥ 7 · looking …  esc stops"),
        (Count(7, "at_least"), None, "", "row 3 of 7 when last counted"),
        (Count(7, "at_least"), None, "stopped", "row 3 of ≥ 7 · ▲ stopped"),
        (
            Count(9, "exact"),
            Progress("counting", 9, 9, 0.5),
            "",
            "row 3 of 9 exact · numbering rows 50%  esc stops",
        ),
    ],
)
def test_how_many_rows(count: Count, progress: Progress | None, stopped: str, said: str) -> None:
    assert plain(counted(2, count, progress, stopped)) == said


def test_a_guess_is_never_said() -> None:
    said = plain(counted(0, Count(5, "counting", estimate=987_654), None, ""))
    assert "987" not in said


def test_without_rows_there_is_no_position() -> None:
    assert plain(counted(-1, Count(0, "exact"), None, "")) == "0 rows exact"


def test_filters_are_read_out() -> None:
    place = TableQuery(
        "t", where=(Condition("a", ">", "1"), Condition("b", "is null")), search="x[/]"
    )
    assert plain(chips(place)) == "a > 1 · b is null · any column ~ x[/]"


def test_a_cell_is_said_with_its_column_and_type() -> None:
    price = ColumnInfo("price", "TEXT")
    assert plain(in_full(price, Cell("text", "1.50"))) == "price  TEXT  1.50"
    assert plain(in_full(price, Cell("integer", "1"))) == "price  TEXT, stored INTEGER  1"
    said = plain(in_full(price, Cell("text", "abc", 12_345)))
    assert said == "price  TEXT  abc…  12,345 characters"


def test_one_is_not_many() -> None:
    assert plural(1, "table") == "1 table"
    assert plural(2_000, "table") == "2,000 tables"
