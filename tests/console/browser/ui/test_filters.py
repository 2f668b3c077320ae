"""Filters as they are typed."""

import pytest

from console.browser.model import ColumnInfo, Condition
from console.browser.ui.filters import equal, parsed, spoken, typed, with_condition, without
from console.kit.lines import plain

TEXT = ColumnInfo("symbol", "TEXT")
MONEY = ColumnInfo("price", "TEXT", decimal=True)
NUMBER = ColumnInfo("seq", "INTEGER")


@pytest.mark.parametrize(
    ("text", "operator", "operand"),
    [
        ("= BTC/USDT", "=", "BTC/USDT"),
        ("!=x", "!=", "x"),
        ("<> x", "!=", "x"),
        (">= 5", ">=", "5"),
        ("<=5", "<=", "5"),
        ("> 5", ">", "5"),
        ("~ sol", "~", "sol"),
        ("sol", "~", "sol"),
        ("IS NULL", "is null", ""),
        ("not  null", "is not null", ""),
        ("= ' x '", "=", " x "),
        ("= ''", "=", ""),
    ],
)
def test_what_is_typed_is_understood(text: str, operator: str, operand: str) -> None:
    assert parsed(TEXT, text) == Condition("symbol", operator, operand)  # type: ignore[arg-type]


def test_a_column_of_numbers_must_equal_a_bare_number() -> None:
    assert parsed(MONEY, "1.5") == Condition("price", "=", "1.5")
    assert parsed(NUMBER, "17") == Condition("seq", "=", "17")


def test_nothing_typed_is_no_filter() -> None:
    assert parsed(TEXT, "   ") is None


@pytest.mark.parametrize("text", ["= BTC", "> 5", "is null", "~ a", "= ' x '", "= ''", "= ''q''"])
def test_a_filter_typed_again_is_the_same(text: str) -> None:
    condition = parsed(TEXT, text)
    assert condition is not None
    assert parsed(TEXT, typed(condition)) == condition


def test_a_lower_and_an_upper_bound_add_up() -> None:
    low, high = Condition("price", ">", "1"), Condition("price", "<=", "2")
    assert with_condition((low,), high) == (low, high)


def test_another_filter_replaces_its_columns() -> None:
    low, other = Condition("price", ">", "1"), Condition("symbol", "=", "x")
    again = Condition("price", ">", "3")
    assert with_condition((low, other), again) == (other, again)
    assert with_condition((low,), Condition("price", "=", "1")) == (Condition("price", "=", "1"),)


def test_exclusions_add_up() -> None:
    one, two = Condition("symbol", "!=", "a"), Condition("symbol", "!=", "b")
    assert with_condition((one,), two) == (one, two)
    assert with_condition((one, two), two) == (one, two)


def test_a_columns_filters_go_together() -> None:
    where = (Condition("a", "=", "1"), Condition("b", "=", "2"), Condition("a", "!=", "3"))
    assert without(where, "a") == (Condition("b", "=", "2"),)


def test_a_cell_that_is_null_filters_for_null() -> None:
    assert equal("fee", None) == Condition("fee", "is null")
    assert equal("fee", "") == Condition("fee", "=", "")


def test_a_filter_is_said_without_what_a_terminal_would_act_on() -> None:
    said = plain(spoken(Condition("no[/]te", "=", "\x1b[2Jx")))
    assert said == "no[/]te = \\x1b[2Jx"
    assert plain(spoken(Condition("a", "=", " x"))) == "a = ' x'"
    assert plain(spoken(Condition("a", "is null"))) == "a is null"
