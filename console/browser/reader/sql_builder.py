"""The SQL of one view: quoted names, conditions with bound values, orders."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from console.browser.errors import BrowseError
from console.browser.reader import decimals
from console.browser.reader.wire import Stored, Values, Wire

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
INTEGERS = range(-(1 << 63), 1 << 63)
# SQLite takes no more than a thousand terms in a row.
IN_A_ROW = 30
_OF_NUMBERS = frozenset("0123456789+-.einf")
_ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


class Sql(NamedTuple):
    """A statement, or the condition of one, with the values bound to it."""

    text: str
    values: Values = ()

    @property
    def where(self) -> str:
        return f" WHERE {self.text}" if self.text else ""

    def also(self, other: "Sql") -> "Sql":
        """Both conditions."""
        if not (self.text and other.text):
            return self if self.text else other
        return Sql(f"{self.text} AND {other.text}", (*self.values, *other.values))

    @classmethod
    def joined(cls, operator: str, parts: Sequence["Sql"]) -> "Sql":
        values = tuple(value for part in parts for value in part.values)
        return cls(operator.join(part.text for part in parts), values)


class Column(NamedTuple):
    """A column of a table or of a result.

    `primary` is its place in the primary key, from 1. The texts of a `decimal` column compare as
    numbers. In a `unique` one a number equals the text that is written like it, and no other: an
    index says so. `collation` is the clause of an index that compares in another way.
    """

    name: str
    type: str = ""
    primary: int = 0
    hidden: str = ""
    decimal: bool = False
    strict: bool = False
    unique: bool = False
    collation: str = ""

    @property
    def wire(self) -> Wire:
        """The fields that the screen gets."""
        fields = ("name", "type", "primary", "hidden", "decimal")
        return {field: getattr(self, field) for field in fields}

    @property
    def reference(self) -> str:
        return reference(self.name) + self.collation

    @property
    def affinity(self) -> str:
        """SQLite's rules for declared types. A STRICT table's ANY takes every value unchanged."""
        declared = self.type.upper()
        if "INT" in declared:
            return "number"
        if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
            return "text"
        if not declared or "BLOB" in declared or (self.strict and declared == "ANY"):
            return "none"
        return "number"

    def condition(self, operator: str, operand: str) -> Sql:
        if operator in ("is null", "is not null"):
            return Sql(f"{self.reference} {operator.upper()}")
        if operator == "~":
            return self.contains(operand)
        if operator not in COMPARISONS:
            raise BrowseError(f"“{operator}” is no comparison; there are: = != < <= > >= ~ is null")
        if operator == "=":
            return self._equal(operand)
        if operator == "!=":
            equal = self._equal(operand)
            return Sql(f"NOT ({equal.text})", equal.values)
        return self._ordered(operator, operand)

    def shown_as(self, operands: Sequence[str]) -> Sql:
        """The stored value is shown as one of the operands. An index serves for it."""
        readings = dict.fromkeys(v for operand in operands for v in self._readings(operand))
        marks, values = bound(tuple(readings))
        return Sql(f"{self.reference} IN ({', '.join(marks)})", values)

    def contains(self, text: str) -> Sql:
        """`decimals.contains` for a stored value, without a call for each where SQLite can tell."""
        term, folded = self.reference, text.lower()
        cases = [self._text_contains(text)]
        if _OF_NUMBERS.issuperset(folded):
            cases.append(Sql(f"typeof({term}) = 'integer' AND instr({term}, ?)", (folded,)))
            cases.append(Sql(f"typeof({term}) = 'real' AND instr(written({term}), ?)", (folded,)))
        if text and (blob := _blob(text)) is not None:
            cases.append(Sql(f"typeof({term}) = 'blob' AND instr({term}, ?)", (blob,)))
        either = Sql.joined(" OR ", cases)
        return Sql(f"({either.text})", either.values)

    def order_term(self, descending: bool) -> str:
        """Texts of a decimal column are handed over as bytes: they may not be UTF-8."""
        term = self.reference
        if self.decimal:
            text_key = f"text_key(CAST({term} AS BLOB))"
            term = f"CASE typeof({term}) WHEN 'text' THEN {text_key} ELSE decimal_key({term}) END"
        return term + (" DESC" if descending else "")

    def _equal(self, operand: str) -> Sql:
        number = _number(operand)
        if number is None or self.unique or self.affinity == "number":
            return self.shown_as([operand])
        return self._by_class("=", operand, number)

    def _readings(self, operand: str) -> list[Stored]:
        """The values that are shown like an operand."""
        number, blob, kind = _number(operand), _blob(operand), self.affinity
        values: list[Stored] = [operand] if number is None or kind != "number" else []
        if kind != "text":
            values += [number] if number is not None else []
            values += [float(operand)] if operand in ("inf", "-inf") else []
        values += [blob] if blob is not None else []
        return [*values, _ESCAPED_BYTE.sub(_byte, operand)] if "\\x" in operand else values

    def _ordered(self, operator: str, operand: str) -> Sql:
        term, number = self.reference, _number(operand)
        if number is None:
            return Sql(f"{term} {operator} ? AND typeof({term}) = 'text'", (operand,))
        if self.affinity == "number":
            text = f"{term} {operator} ? AND typeof({term}) IN ('integer', 'real')"
            return Sql(text, (number,))
        return self._by_class(operator, operand, number)

    def _by_class(self, operator: str, operand: str, number: Stored) -> Sql:
        """Stored numbers as numbers, stored texts as exact decimals or texts; blobs only equal."""
        term = self.reference
        blob = _blob(operand) if operator == "=" else None
        text = (
            f"CASE typeof({term})"
            f" WHEN 'text' THEN decimal_compare(CAST({term} AS BLOB), ?) {operator} 0"
            f" WHEN 'blob' THEN {'0' if blob is None else f'{term} = ?'}"
            f" ELSE +{term} {operator} ? END"
        )
        return Sql(text, (operand, number) if blob is None else (operand, blob, number))

    def _text_contains(self, text: str) -> Sql:
        term = self.reference
        if "\\" in text or not text.isascii():
            return Sql(f"typeof({term}) = 'text' AND contains(CAST({term} AS BLOB), ?)", (text,))
        if len(text) > 10_000:
            raise BrowseError("a text to look for has at most 10,000 characters")
        escaped = text.replace("%", "\\%").replace("_", "\\_")
        # LIKE is the fastest by far, and reads no further than to a NUL.
        beyond = f"instr({term}, char(0)) AND instr(lower({term}), ?)"
        like = f"typeof({term}) = 'text' AND ({term} LIKE ? ESCAPE '\\' OR {beyond})"
        return Sql(like, (f"%{escaped}%", text.lower()))


class Columns(tuple[Column, ...]):
    """The columns of a view, in their order."""

    __slots__ = ()

    @property
    def in_rows(self) -> "Columns":
        """The columns without the hidden ones of virtual tables."""
        return Columns(column for column in self if column.hidden != "hidden")

    def named(self, name: str) -> Column:
        """Raises `BrowseError`."""
        for column in self:
            if column.name == name:
                return column
        raise BrowseError(f"there is no column “{name}”")

    def conditions(self, where: list[Any], search: str) -> Sql:
        """`where` holds [column, operator, operand] as sent. Raises `BrowseError`."""
        parts = [self.named(name).condition(*rest) for name, *rest in where]
        if search:
            parts.append(self.anywhere(search))
        return Sql.joined(" AND ", [Sql(f"({part.text})", part.values) for part in parts])

    def order_terms(self, order: list[Any]) -> list[str]:
        """`order` holds [column, descending] as sent. Raises `BrowseError`."""
        return [self.named(name).order_term(descending) for name, descending in order]

    def anywhere(self, text: str) -> Sql:
        """Some column contains the text."""
        parts = [column.contains(text) for column in self]
        terms = [part.text for part in parts]
        while len(terms) > 1:
            groups = range(0, len(terms), IN_A_ROW)
            terms = [f"({' OR '.join(terms[at : at + IN_A_ROW])})" for at in groups]
        return Sql(terms[0], tuple(value for part in parts for value in part.values))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def reference(name: str) -> str:
    """A column of the source, which every statement calls `t`. Without that, SQLite would take the
    quoted name of a column that is no more for a text."""
    return f"t.{quoted(name)}"


def distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number after a repeated one: of a query's `SELECT a, A`."""
    taken: dict[str, str] = {}
    for name in names:
        number, free = 1, name
        while free.lower() in taken:
            number += 1
            free = f"{name}_{number}"
        taken[free.lower()] = free
    return list(taken.values())


def bound(values: Values) -> tuple[list[str], Values]:
    """Placeholders and the values bound to them: text that is not UTF-8 as its bytes, for SQLite
    takes it in no other way."""
    broken = [isinstance(value, str) and _is_broken(value) for value in values]
    if not any(broken):
        return ["?"] * len(values), values
    marks = ["CAST(? AS TEXT)" if is_broken else "?" for is_broken in broken]
    return marks, tuple(
        value.encode("utf-8", "surrogateescape") if isinstance(value, str) and is_broken else value
        for value, is_broken in zip(values, broken, strict=True)
    )


def _byte(escaped: re.Match[str]) -> str:
    return bytes.fromhex(escaped[1]).decode("utf-8", "surrogateescape")


def _number(operand: str) -> Stored:
    """An integer where it is one of 64 bits, else the nearest real; None when it is no number."""
    if not decimals.is_number(operand):
        return None
    if operand.lstrip("+-").isdigit() and len(operand) < 40 and int(operand) in INTEGERS:
        return int(operand)
    return float(operand)


def _blob(operand: str) -> bytes | None:
    """The blob that is shown like an operand."""
    try:
        return bytes.fromhex(operand) if operand.isalnum() or not operand else None
    except ValueError:
        return None


def _is_broken(text: str) -> bool:
    """Whether a text is not UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
