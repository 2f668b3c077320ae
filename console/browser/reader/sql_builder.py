"""The SQL of one view: quoted names, conditions with bound values, orders."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from console.browser.errors import BrowseError
from console.browser.reader import decimals
from console.browser.reader.wire import Stored, Values

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
INTEGERS = range(-(1 << 63), 1 << 63)
# SQLite takes no more than a thousand terms in a row.
IN_A_ROW = 30
_OF_NUMBERS = frozenset("0123456789+-.einf")
_ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


class Column(NamedTuple):
    """A column as SQL needs it. `reference` is how a statement names it. In a `unique` one a number
    equals the text that is written like it, and no other: an index tells that."""

    name: str
    reference: str
    type: str = ""
    strict: bool = False
    decimal: bool = False
    unique: bool = False


class Sql(NamedTuple):
    text: str
    values: tuple[Stored, ...] = ()

    @property
    def where(self) -> str:
        return f" WHERE {self.text}" if self.text else ""

    def also(self, other: "Sql") -> "Sql":
        """This and another condition."""
        joined = " AND ".join(part for part in (self.text, other.text) if part)
        return Sql(joined, (*self.values, *other.values))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def reference(name: str) -> str:
    """A column of what is read, which every statement calls `t`. Without that, SQLite would take
    the quoted name of a column that is no more for a text."""
    return f"t.{quoted(name)}"


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number after one that was there before: of a query's `SELECT a, A`."""
    taken: set[str] = set()
    found = []
    for name in names:
        number, free = 1, name
        while free.lower() in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free.lower())
        found.append(free)
    return found


def marks(values: Values) -> list[str]:
    """Where a statement takes these values, one by one; they are bound as `bound` has them."""
    return ["CAST(? AS TEXT)" if _is_broken(value) else "?" for value in values]


def bound(values: Values) -> Values:
    """Text that is not UTF-8 as its bytes: SQLite takes it in no other way."""
    return tuple(
        value.encode("utf-8", "surrogateescape")
        if isinstance(value, str) and _is_broken(value)
        else value
        for value in values
    )


def conditions(columns: Sequence[Column], where: list[Any], search: str) -> Sql:
    """`where` holds [column, operator, operand] as sent. Raises `BrowseError`."""
    parts = [condition(named(columns, name), *rest) for name, *rest in where]
    if search:
        parts.append(anywhere(columns, search))
    text = " AND ".join(f"({part.text})" for part in parts)
    return Sql(text, tuple(value for part in parts for value in part.values))


def order_terms(columns: Sequence[Column], order: list[Any]) -> list[str]:
    """`order` holds [column, descending] as sent. Raises `BrowseError`."""
    terms = []
    for name, descending in order:
        column = named(columns, name)
        term = _sort_key(column.reference) if column.decimal else column.reference
        terms.append(term + (" DESC" if descending else ""))
    return terms


def named(columns: Sequence[Column], name: str) -> Column:
    for column in columns:
        if column.name == name:
            return column
    raise BrowseError(f"there is no column “{name}”")


def condition(column: Column, operator: str, operand: str) -> Sql:
    if operator in ("is null", "is not null"):
        return Sql(f"{column.reference} {operator.upper()}")
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
    terms = [part.text for part in parts]
    while len(terms) > 1:
        groups = range(0, len(terms), IN_A_ROW)
        terms = [f"({' OR '.join(terms[at : at + IN_A_ROW])})" for at in groups]
    return Sql(terms[0], tuple(value for part in parts for value in part.values))


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


def shown_as(column: Column, operands: Sequence[str]) -> Sql:
    """The stored value is shown as one of these. An index serves for it."""
    found = tuple(dict.fromkeys(v for operand in operands for v in _readings(column, operand)))
    return Sql(f"{column.reference} IN ({', '.join(marks(found))})", bound(found))


def _equal(column: Column, operand: str) -> Sql:
    number = _number(operand)
    if number is None or column.unique or affinity(column) == "number":
        return shown_as(column, [operand])
    return _by_class(column, "=", operand, number)


def _readings(column: Column, operand: str) -> list[Stored]:
    """The values that are shown like this."""
    number, blob, kind = _number(operand), _blob(operand), affinity(column)
    found: list[Stored] = [operand] if number is None or kind != "number" else []
    if kind != "text":
        found += [number] if number is not None else []
        found += [float(operand)] if operand in ("inf", "-inf") else []
    found += [blob] if blob is not None else []
    return [*found, _ESCAPED_BYTE.sub(_byte, operand)] if "\\x" in operand else found


def _byte(escaped: re.Match[str]) -> str:
    return bytes.fromhex(escaped[1]).decode("utf-8", "surrogateescape")


def _ordered(column: Column, operator: str, operand: str) -> Sql:
    term, kind = column.reference, affinity(column)
    number = _number(operand)
    if number is None:
        return Sql(f"{term} {operator} ? AND typeof({term}) = 'text'", (operand,))
    if kind == "number":
        text = f"{term} {operator} ? AND typeof({term}) IN ('integer', 'real')"
        return Sql(text, (number,))
    return _by_class(column, operator, operand, number)


def _by_class(column: Column, operator: str, operand: str, number: Stored) -> Sql:
    """Stored numbers as numbers, stored texts as exact decimals or texts; blobs only equal."""
    term = column.reference
    blob = _blob(operand) if operator == "=" else None
    text = (
        f"CASE typeof({term})"
        f" WHEN 'text' THEN decimal_compare(CAST({term} AS BLOB), ?) {operator} 0"
        f" WHEN 'blob' THEN {'0' if blob is None else f'{term} = ?'}"
        f" ELSE +{term} {operator} ? END"
    )
    return Sql(text, (operand, number) if blob is None else (operand, blob, number))


def _sort_key(term: str) -> str:
    """Texts are handed over as bytes: they may not be UTF-8."""
    return (
        f"CASE typeof({term}) WHEN 'text' THEN text_key(CAST({term} AS BLOB))"
        f" ELSE decimal_key({term}) END"
    )


def _contains(column: Column, text: str) -> Sql:
    """`decimals.contains` for a stored value, without a call for each where SQLite can tell."""
    term, folded = column.reference, text.lower()
    cases = [_text_contains(term, text)]
    if _OF_NUMBERS.issuperset(folded):
        cases.append(Sql(f"typeof({term}) = 'integer' AND instr({term}, ?)", (folded,)))
        cases.append(Sql(f"typeof({term}) = 'real' AND instr(written({term}), ?)", (folded,)))
    if text and (blob := _blob(text)) is not None:
        cases.append(Sql(f"typeof({term}) = 'blob' AND instr({term}, ?)", (blob,)))
    either = " OR ".join(case.text for case in cases)
    return Sql(f"({either})", tuple(value for case in cases for value in case.values))


def _text_contains(term: str, text: str) -> Sql:
    if "\\" in text or not text.isascii():
        return Sql(f"typeof({term}) = 'text' AND contains(CAST({term} AS BLOB), ?)", (text,))
    # LIKE is the fastest by far, and reads no further than to a NUL.
    beyond = f"instr({term}, char(0)) AND instr(lower({term}), ?)"
    like = f"typeof({term}) = 'text' AND ({term} LIKE ? ESCAPE '\\' OR {beyond})"
    return Sql(like, (f"%{_escaped(text)}%", text.lower()))


def _escaped(text: str) -> str:
    if len(text) > 10_000:
        raise BrowseError("a text to look for has at most 10,000 characters")
    return text.replace("%", "\\%").replace("_", "\\_")


def _number(operand: str) -> Stored:
    """An integer where it is one of 64 bits, else the nearest real; None when it is no number."""
    if not decimals.is_number(operand):
        return None
    if operand.lstrip("+-").isdigit() and len(operand) < 40 and int(operand) in INTEGERS:
        return int(operand)
    return float(operand)


def _blob(operand: str) -> bytes | None:
    """What a blob is shown as, read back."""
    try:
        return bytes.fromhex(operand) if operand.isalnum() or not operand else None
    except ValueError:
        return None


def _is_broken(value: Stored) -> bool:
    """Whether it is text that is not UTF-8."""
    if not isinstance(value, str) or value.isascii():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
