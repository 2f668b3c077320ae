"""Words for the query pane: tables, columns, functions and keywords that begin as typed."""

import re

from console.browser.model import TableInfo

KEYWORDS = """
SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET DISTINCT AS AND OR NOT NULL IS IN LIKE GLOB
BETWEEN EXISTS CASE WHEN THEN ELSE END JOIN LEFT INNER CROSS NATURAL ON USING UNION ALL INTERSECT
EXCEPT WITH RECURSIVE VALUES ASC DESC NULLS FIRST LAST OVER PARTITION WINDOW ROWS RANGE FILTER
COLLATE NOCASE CAST ESCAPE EXPLAIN QUERY PLAN PRAGMA INDEXED
""".split()  # noqa: SIM905 - as a list it would fill the screen
RESERVED = frozenset({*KEYWORDS, "TABLE", "INDEX", "CREATE", "DELETE", "UPDATE", "INSERT", "SET"})

_PLAIN = re.compile(r"[^\W\d]\w*")
_BEGUN = re.compile(r"(?:(?:(\w+)|\"((?:[^\"]|\"\")+)\")\s*\.\s*)?(\"?\w*)\Z")
# What a word is part of: its clause begins with the last of these before it.
_CLAUSE = re.compile(r"(?i)\b(SELECT|FROM|JOIN|WHERE|ON|USING|BY|HAVING|LIMIT)\b")
_NAMED = re.compile(r"\w+|\"(?:[^\"]|\"\")+\"")


def begun(text: str, cursor: int) -> str:
    """The word that a completion at the cursor would replace; may be empty."""
    match = _BEGUN.search(text[:cursor])
    return match[3] if match else ""


class Words:
    """The words of one database."""

    def __init__(self, tables: tuple[TableInfo, ...], functions: tuple[str, ...]) -> None:
        self._tables = {table.name.lower(): table for table in tables}
        self._functions = functions
        self._unquoted = frozenset({*KEYWORDS, *functions})

    def at(self, text: str, cursor: int) -> tuple[str, ...]:
        """Words that begin like the one at the cursor; its clause decides which come first: tables
        after FROM, columns and functions after SELECT. After `table.`, that table's columns."""
        match = _BEGUN.search(text[:cursor])
        if match is None:
            return ()
        owner = (match[1] or (match[2] or "").replace('""', '"')).lower()
        prefix = match[3].lstrip('"').lower()
        clause = _clause(text[: match.start(3)])
        names = self._columns_of(text, owner) if owner else self._all(text, clause)
        unique = dict.fromkeys(name for name in names if name.lower().startswith(prefix))
        return tuple(name if name in self._unquoted else quoted(name) for name in unique)

    def _all(self, text: str, clause: str) -> list[str]:
        tables = [table.name for table in self._tables.values() if not table.shadow]
        if clause in ("FROM", "JOIN"):
            return [*tables, *KEYWORDS, *self._columns(text), *self._functions]
        if clause == "SELECT":
            return [*self._columns(text), *self._functions, *KEYWORDS, *tables]
        if clause:
            return [*self._columns(text), *tables, *KEYWORDS, *self._functions]
        return [*KEYWORDS, *tables, *self._functions]

    def _columns(self, text: str) -> list[str]:
        """Columns of the tables that the text names; of all tables, while it names none."""
        every = [table for table in self._tables.values() if not table.shadow]
        tables = self._mentioned(text) or every
        return [column.name for table in tables for column in table.columns]

    def _mentioned(self, text: str) -> list[TableInfo]:
        names = [name.strip('"').replace('""', '"').lower() for name in _NAMED.findall(text)]
        return [self._tables[name] for name in dict.fromkeys(names) if name in self._tables]

    def _columns_of(self, text: str, owner: str) -> list[str]:
        table = self._tables.get(owner) or self._behind(text, owner)
        return [column.name for column in table.columns] if table else []

    def _behind(self, text: str, alias: str) -> TableInfo | None:
        """The table that the text gives this other name."""
        for table in self._mentioned(text):
            name = re.escape(table.name)
            aliased = rf"(?i)\b{name}\"?\s+(?:as\s+)?{re.escape(alias)}\b"
            if re.search(aliased, text):
                return table
        return None


def _clause(before: str) -> str:
    """The word that begins the clause; "" where none has begun."""
    words = _CLAUSE.findall(before)
    return words[-1].upper() if words else ""


def quoted(name: str) -> str:
    """A name in quotes, if SQL needs them."""
    if _PLAIN.fullmatch(name) and name.upper() not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'
