"""CSV as every reader takes it."""

import csv
from collections.abc import Callable, Sequence
from typing import Any, TextIO


def csv_writer(out: TextIO, names: Sequence[str]) -> Callable[[Sequence[Any]], object]:
    """Writes the names, and returns what writes a row after them.

    Until Python 3.13 the library leaves a carriage return unquoted, where readers end the row.
    """
    plain = csv.writer(out, lineterminator="\n")
    quoted = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(row: Sequence[Any]) -> None:
        returns = any(isinstance(value, str) and "\r" in value for value in row)
        (quoted if returns else plain).writerow(row)

    write(names)
    return write
