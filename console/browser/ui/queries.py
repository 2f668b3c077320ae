"""The statements an operator has run, kept in a file of their own from one day to the next."""

import json
from pathlib import Path
from typing import Final

MOST_KEPT: Final = 500


class QueryHistory:
    """Statements, oldest first. Where the file cannot be read or written, this session's only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._statements = _read(path)

    @property
    def statements(self) -> tuple[str, ...]:
        return tuple(self._statements)

    def add(self, sql: str) -> None:
        """The newest one; it is kept once. Raises `OSError` when it could not be written."""
        if sql in self._statements:
            self._statements.remove(sql)
        self._statements = [*self._statements, sql][-MOST_KEPT:]
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
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
    return [sql for sql in map(_statement, lines) if sql][-MOST_KEPT:]


def _statement(found: str) -> str:
    """A line that is none of ours is passed over."""
    try:
        read = json.loads(found)
    except ValueError:
        return ""
    sql = read.get("sql") if isinstance(read, dict) else None
    return sql if isinstance(sql, str) else ""
