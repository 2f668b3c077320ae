"""The SQL of one view: quoted names, conditions with bound values, orders."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from console.browse.errors import BrowseError
from console.browse.reader import decimals
from console.browse.reader.values import Stored

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
LARGEST = (1 << 63) - 1


class Column(NamedTuple):
    """A column as SQL needs it. `reference` is how a statement names it."""

    name: str
    reference: str
    type: str = ""
    strict: bool = False
    decimal: bool = False
    fractions: bool = False


class Sql(NamedTuple):
    text: str
    values: tuple[Stored, ...] = ()

    @property
    def where(self) -> str:
        return f" WHERE {self.text}" if self.text else ""

    def also(self, text: str, values: Sequence[Stored]) -> "Sql":
        """This and another condition."""
        joined = " AND ".join(part for part in (self.text, text) if part)
        return Sql(joined, (*self.values, *values))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def conditions(columns: Sequence[Column], where: list[Any], search: str) -> Sql:
    """`where` holds [column, operator, operand] as sent. Raises `BrowseError`."""
    parts = [condition(named(columns, name), *rest) for name, *rest in where]
    if search:
        parts.append(anywhere(columns, search))
    text = " AND ".join(f"({part.text})" for part in parts)
    return Sql(text, tuple(value for part in parts for value in part.values))


def order_terms(columns: Sequence[Column], order: list[Any]) -> list[str]:
    """`order` holds [column, descending, as_text] as sent. Raises `BrowseError`."""
    terms = []
    for name, descending, as_text in order:
        column = named(columns, name)
        by_value = column.decimal and not as_text
        term = f"decimal_key({column.reference})" if by_value else column.reference
        terms.append(term + (" DESC" if descending else ""))
    return terms


def named(columns: Sequence[Column], name: str) -> Column:
    for column in columns:
        if column.name == name:
            return column
    raise BrowseError(f"there is no column “{name}”")


def condition(column: Column, operator: str, operand: str) -> Sql:
    reference = column.reference
    if operator in ("is null", "is not null"):
        return Sql(f"{reference} {operator.upper()}")
    if operator == "~":
        return _contains(column, operand)
    if operator not in COMPARISONS:
        raise BrowseError(f"“{operator}” is no comparison; there are: = != < <= > >= ~ is null")
    if operator == "=":
        return _equal(column, operand)
    if operator == "!=":
        equal = _equal(column, operand)
        return Sql(f"NOT ({equal.text})", equal.values)
    return _ordered(column, operator, operand)


def anywhere(columns: Sequence[Column], text: str) -> Sql:
    """Some column contains the text."""
    parts = [_contains(column, text) for column in columns]
    joined = " OR ".join(part.text for part in parts)
    return Sql(f"({joined})", tuple(value for part in parts for value in part.values))


def affinity(column: Column) -> str:
    """SQLite's rules for declared types. A STRICT table's ANY takes everything as it is."""
    declared = column.type.upper()
    if "INT" in declared:
        return "number"
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if not declared or "BLOB" in declared or (column.strict and declared == "ANY"):
        return "none"
    return "number"


def _equal(column: Column, operand: str) -> Sql:
    """In a form for which an index serves, wherever equality is that of the stored value."""
    reference, kind = column.reference, affinity(column)
    number = _number(operand)
    if number is not None and column.fractions:
        return _by_class(column, "=", operand, number)
    if kind == "number":
        return Sql(f"{reference} = ?", (operand if number is None else number,))
    candidates: list[Stored] = [operand]
    if kind == "none":
        candidates += [] if number is None else [number]
        candidates += [] if (blob := _blob(operand)) is None else [blob]
    marks = ", ".join("?" * len(candidates))
    return Sql(f"{reference} IN ({marks})", tuple(candidates))


def _ordered(column: Column, operator: str, operand: str) -> Sql:
    reference, kind = column.reference, affinity(column)
    number = _number(operand)
    if number is None:
        text = f"{reference} {operator} ? AND typeof({reference}) = 'text'"
        return Sql(text, (operand,))
    if kind == "number":
        text = f"{reference} {operator} ? AND typeof({reference}) IN ('integer', 'real')"
        return Sql(text, (number,))
    return _by_class(column, operator, operand, number)


def _by_class(column: Column, operator: str, operand: str, number: Stored) -> Sql:
    """Stored numbers as numbers, stored texts as exact decimals or texts, blobs never."""
    reference = column.reference
    text = (
        f"CASE typeof({reference}) WHEN 'text' THEN decimal_compare({reference}, ?) {operator} 0"
        f" WHEN 'blob' THEN 0 ELSE +{reference} {operator} ? END"
    )
    return Sql(text, (operand, number))


def _contains(column: Column, text: str) -> Sql:
    reference = column.reference
    if text.isascii():
        inside = Sql(f"{reference} LIKE ? ESCAPE '\\'", (f"%{_escaped(text)}%",))
    else:
        inside = Sql(f"contains({reference}, ?)", (text.casefold(),))
    blob = _blob(text)
    if blob is None:
        return Sql(f"({inside.text} AND typeof({reference}) <> 'blob')", inside.values)
    return Sql(
        f"CASE typeof({reference}) WHEN 'blob' THEN instr({reference}, ?) > 0"
        f" ELSE {inside.text} END",
        (blob, *inside.values),
    )


def _escaped(text: str) -> str:
    if len(text) > 10_000:
        raise BrowseError("a text to look for has at most 10,000 characters")
    for character in "\\%_":
        text = text.replace(character, f"\\{character}")
    return text


def _number(operand: str) -> Stored:
    """An integer where it is one of 64 bits, else the nearest real; None when it is no number."""
    if not decimals.is_number(operand):
        return None
    if operand.lstrip("+-").isdigit() and len(operand) < 40 and abs(int(operand)) <= LARGEST:
        return int(operand)
    return float(operand)


def _blob(operand: str) -> bytes | None:
    """What a blob is shown as, read back."""
    try:
        return bytes.fromhex(operand) if operand.isalnum() else None
    except ValueError:
        return None
