"""Filters as they are typed and as they are shown: `> 64000`, `~ BTC`, `is null`."""

import re
from typing import Final, get_args

from console.browser.model import ColumnInfo, Condition, Operator
from console.kit.lines import Line, Tone, line

_WORDS: Final[dict[str, Operator]] = {
    "is null": "is null",
    "null": "is null",
    "is not null": "is not null",
    "not null": "is not null",
}
# The longest first, so that `>=` is not read as `>`.
_SIGNS: Final = sorted((o for o in get_args(Operator) if o not in _WORDS), key=len, reverse=True)
_QUOTED = re.compile(r"'(.*)'", re.DOTALL)


def parsed(column: ColumnInfo, text: str) -> Condition | None:
    """The filter that `text` means for a column; null where it means none.

    Without an operator, a column of numbers must equal it and any other contain it. Quotes
    around an operand keep the blanks at its ends.
    """
    text = text.strip()
    if not text:
        return None
    if word := _WORDS.get(" ".join(text.lower().split())):
        return Condition(column.name, word)
    operator, operand = _split(text)
    meant = operator or ("=" if column.numeric else "~")
    return Condition(column.name, meant, _unquoted(operand))


def equal(column: str, text: str | None) -> Condition:
    """The filter for rows with a cell's value; null is NULL."""
    return Condition(column, "is null") if text is None else Condition(column, "=", text)


def without(where: tuple[Condition, ...], column: str) -> tuple[Condition, ...]:
    return tuple(condition for condition in where if condition.column != column)


def with_condition(where: tuple[Condition, ...], condition: Condition) -> tuple[Condition, ...]:
    """The filters with one more. Bounds add up; any other replaces its column's."""
    others = [c for c in where if c.column != condition.column or _both(c, condition)]
    return (*others, condition)


def spoken(condition: Condition) -> Line:
    words = line((condition.column, Tone.STRONG), (f" {condition.operator}", Tone.DIM))
    if condition.operator in _WORDS:
        return words
    return line(words, f" {_quoted(condition.operand)}")


def typed(condition: Condition) -> str:
    """The filter as one would type it."""
    if condition.operator in _WORDS:
        return condition.operator
    return f"{condition.operator} {_quoted(condition.operand)}"


def _split(text: str) -> tuple[Operator | None, str]:
    if text.startswith("<>"):
        return "!=", text[2:].strip()
    for sign in _SIGNS:
        if text.startswith(sign):
            return sign, text[len(sign) :].strip()
    return None, text


def _quoted(operand: str) -> str:
    """An operand in quotes where it would else be read as something different."""
    plain = operand and operand.strip() == operand and not _QUOTED.fullmatch(operand)
    return operand if plain else f"'{operand}'"


def _unquoted(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return quoted[1] if quoted else text


def _both(first: Condition, second: Condition) -> bool:
    """Whether two filters on one column may hold together: a lower bound and an upper one; or
    texts that it does not equal, or contains."""
    many = ("!=", "~")
    if first.operator in many or second.operator in many:
        return first != second
    return first.operator[0] in "<>" and {first.operator[0], second.operator[0]} == {"<", ">"}
