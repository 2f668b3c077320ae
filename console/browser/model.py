"""The table browser's data: tables, columns, rows and cells, counts and the progress of scans."""

import re
from dataclasses import dataclass
from typing import Literal

from console.browser.errors import BrowseError as BrowseError
from console.browser.errors import Trouble as Trouble
from console.browser.reader.wire import Values

CellKind = Literal["null", "integer", "real", "text", "blob"]
CountState = Literal["exact", "at_least", "counting"]
Doing = Literal["counting", "filtering", "sorting", "reading", "searching", "exporting"]
ExportForm = Literal["csv", "jsonl", "parquet"]
KeyKind = Literal["rowid", "primary", "result"]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "is null", "is not null"]
TableKind = Literal["table", "view", "virtual"]
_NUMERIC = re.compile(r"INT|REAL|FLOA|DOUB|NUM|DEC", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. `text` is what is stored, digit by digit; a blob as hex; bytes that are not UTF-8
    as `\\xff` escapes. It may hold control characters: pass it through `printable` to show it.

    `length` is the whole length (characters; bytes of a blob) when `text` holds only its beginning.
    """

    kind: CellKind
    text: str = ""
    length: int | None = None

    @property
    def cut(self) -> bool:
        return self.length is not None


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a row: its rowid, its primary key, or its position in a result without either.

    Text in `parts` that was not UTF-8 holds lone surrogates: never show it.
    """

    kind: KeyKind
    parts: Values


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is now. `cells` is empty when the row was deleted after the scan."""

    key: Key
    cells: tuple[Cell, ...]

    @property
    def gone(self) -> bool:
        return not self.cells


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive rows; `start` is the 0-based position of the first one.

    `exact` is false while that position is an estimate: the rows are real and in order, their
    numbers are not certain yet.
    """

    start: int
    rows: tuple[Row, ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """The number of rows.

    exact: `value` is the number, as of the last look. counting: at least `value`, a scan is
    running. at_least: `value` rows were there, and no scan is running (it was stopped, a limit was
    reached, or others have written and the rows have not been counted anew yet). `estimate` is a
    guess of the whole, for scroll bars; never show it as a count.
    """

    value: int
    state: CountState
    estimate: int | None = None


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column. `primary` is its place in the primary key, from 1, or 0; `hidden` is "",
    "hidden" (of a virtual table, not in its rows), "virtual" or "stored" (both generated);
    `decimal` says that its texts are decimal numbers (in a sample of its rows), which compare and
    sort as numbers.
    """

    name: str
    type: str = ""
    primary: int = 0
    hidden: Literal["", "hidden", "virtual", "stored"] = ""
    decimal: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers: by its declared type, or as decimal texts."""
        return self.decimal or _NUMERIC.search(self.type) is not None


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table or view. `shadow` marks the tables in which a virtual table keeps its data;
    `problem` says why it cannot be read, if so: a view on a missing table, an unknown module.
    """

    name: str
    kind: TableKind
    columns: tuple[ColumnInfo, ...]
    shadow: bool = False
    problem: str = ""

    @property
    def primary_key(self) -> list[str]:
        return [column.name for column in self.columns if column.primary]


@dataclass(frozen=True, slots=True)
class SortTerm:
    """The order of one column. Texts of a decimal column sort as numbers."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter on one column; `operand` is the text as typed.

    Numbers compare with stored numbers as numbers, and with stored texts that are decimal numbers
    as exact decimals; anything else compares as text. `~` is “contains”, whatever the case.
    """

    column: str
    operator: Operator
    operand: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a scan. `share` is 0…1, if there is one; `error` says why it ended early."""

    doing: Doing
    scanned: int
    matches: int
    share: float | None = None
    done: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one reading process; None is no limit.

    seconds and rows: of one typed query. memory_mib: of the whole process. cell_mib: the largest
    value. spool_mib: temporary disk space of one result.
    """

    seconds: float | None = None
    memory_mib: int | None = 4_096
    rows: int | None = None
    cell_mib: int = 953
    spool_mib: int | None = None


TABLES = Limits()
QUERIES = Limits(seconds=30, memory_mib=512, rows=1_000_000, cell_mib=64, spool_mib=2_048)
