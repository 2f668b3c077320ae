"""The history of statements that an operator has run, in a file of its own."""

import json
from pathlib import Path
from typing import Final

from console.kit.private_files import make_folder

LONGEST: Final = 500


class QueryHistory:
    """Statements, oldest first. Where the file cannot be read or written, this session's only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._statements = _read(path)

    @property
    def statements(self) -> tuple[str, ...]:
        return tuple(self._statements)

    def add(self, sql: str) -> None:
        """Add the newest statement, or move it to the end. Raises `OSError` when that is not
        written."""
        if sql in self._statements:
            self._statements.remove(sql)
        self._statements = [*self._statements, sql][-LONGEST:]
        self._write()

    def _write(self) -> None:
        make_folder(self._path.parent)
        lines = [json.dumps({"sql": statement}) + "\n" for statement in self._statements]
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text("".join(lines), encoding="utf-8")
        fresh.replace(self._path)


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [sql for sql in map(_statement, lines) if sql][-LONGEST:]


def _statement(line: str) -> str:
    """The statement of a line; "" for a line of another kind, which is passed over."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    sql = entry.get("sql") if isinstance(entry, dict) else None
    return sql if isinstance(sql, str) else ""
