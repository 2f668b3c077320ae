"""The SQL this program runs, by name, from the .sql files beside this module."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

# What groups statements belongs to none of them.
_HEADING = re.compile(r"^-- ## ", re.MULTILINE)


def load(package: str, file: str) -> dict[str, str]:
    """Statements of one file: each starts with a line `-- name: its_name`."""
    text = files(package).joinpath(file).read_text("utf-8")
    parts = _NAME.split(text)[1:]
    bodies = (_HEADING.split(body)[0].strip().rstrip(";") for body in parts[1::2])
    return dict(zip(parts[::2], bodies, strict=True))


@cache
def for_rows(statement: str, rows: int) -> str:
    """The same INSERT for `rows` rows at once, their values in its order."""
    head, names, tail = re.split(r"(?<=VALUES )(\([^)]*\))", statement, maxsplit=1)
    values = re.sub(r":\w+", "?", names)
    return head + ", ".join([values] * rows) + tail


SQL = load("engine.store", "sql/queries.sql")
