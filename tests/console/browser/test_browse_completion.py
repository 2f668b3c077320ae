"""Completion in the query pane."""

import pytest

from console.browser.completion import Words, begun
from console.browser.model import ColumnInfo, TableInfo


def table(name: str, *columns: str, shadow: bool = False) -> TableInfo:
    return TableInfo(name, "table", tuple(map(ColumnInfo, columns)), shadow=shadow)


WORDS = Words(
    (
        table("fills", "fill_id", "price", "order"),
        table("conflicts", "id", "seq"),
        table("odd name", "a b", "price"),
        table("notes_data", "block", shadow=True),
    ),
    ("printf", "count"),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT pr", ("price", "printf", "PRAGMA")),
        ("SELECT pr| FROM fills", ("price", "printf", "PRAGMA")),
        ("SELECT price, co", ("count", "COLLATE", "conflicts")),
        ("SELECT * FROM fills JOIN co", ("conflicts", "COLLATE", "count")),
        ("SELECT * FROM fills WHERE fi", ("fill_id", "fills", "FIRST", "FILTER")),
        ("se", ("SELECT",)),
        ("SELECT * FROM fi", ("fills", "FIRST", "FILTER", "fill_id")),
        ("SELECT * FROM no", ("NOT", "NOCASE")),
        ("SELECT fills.", ("fill_id", "price", '"order"')),
        ("SELECT FILLS.P", ("price",)),
        ("SELECT f.pri| FROM fills f", ("price",)),
        ("SELECT f.pri| FROM fills AS f", ("price",)),
        ('SELECT "odd name".', ('"a b"', "price")),
        ('SELECT * FROM "odd', ('"odd name"',)),
        ("SELECT nowhere.", ()),
    ],
)
def test_words_that_fit_are_offered_those_first_that_the_clause_wants(
    text: str, expected: tuple[str, ...]
) -> None:
    cursor = text.index("|") if "|" in text else len(text)
    assert WORDS.at(text.replace("|", ""), cursor) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [("SELECT pri", "pri"), ("SELECT f.pri", "pri"), ('SELECT "odd', '"odd'), ("SELECT ", "")],
)
def test_the_word_to_be_replaced_is_told(text: str, word: str) -> None:
    assert begun(text, len(text)) == word
