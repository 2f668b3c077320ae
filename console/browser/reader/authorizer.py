"""The authorizer of a connection: statements may read, and nothing else."""

import sqlite3

READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})

# These take the name of a table, an index or nothing; none of them changes a setting.
LISTINGS = frozenset(
    {
        "collation_list",
        "compile_options",
        "database_list",
        "foreign_key_check",
        "foreign_key_list",
        "function_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "module_list",
        "pragma_list",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
# These return a setting without an argument, and change it with one.
SETTINGS = frozenset(
    {
        "application_id",
        "auto_vacuum",
        "data_version",
        "encoding",
        "foreign_keys",
        "freelist_count",
        "journal_mode",
        "page_count",
        "page_size",
        "query_only",
        "schema_version",
        "synchronous",
        "user_version",
    }
)
FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "edit", "readfile"})

_CHANGES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
_SCHEMAS = frozenset({"sqlite_master", "sqlite_temp_master"})
_NAMES = {
    getattr(sqlite3, f"SQLITE_{action.replace(' ', '_')}"): action
    for action in (
        "ALTER TABLE",
        "ANALYZE",
        "ATTACH",
        "CREATE INDEX",
        "CREATE TABLE",
        "CREATE TEMP INDEX",
        "CREATE TEMP TABLE",
        "CREATE TEMP TRIGGER",
        "CREATE TEMP VIEW",
        "CREATE TRIGGER",
        "CREATE VIEW",
        "DELETE",
        "DETACH",
        "DROP INDEX",
        "DROP TABLE",
        "DROP TRIGGER",
        "DROP VIEW",
        "FUNCTION",
        "INSERT",
        "PRAGMA",
        "REINDEX",
        "SAVEPOINT",
        "TRANSACTION",
        "UPDATE",
    )
} | {sqlite3.SQLITE_CREATE_VTABLE: "CREATE VIRTUAL TABLE", sqlite3.SQLITE_DROP_VTABLE: "DROP TABLE"}


class Authorizer:
    """The authorizer of one connection; it remembers the first action that it denied.

    `rtrees` are virtual tables that prepare writes to their own tables when they are only read;
    the file itself is open for reading alone.
    """

    def __init__(self, rtrees: list[str]) -> None:
        self._shadows = frozenset(
            f"{name}_{part}" for name in rtrees for part in ("node", "parent", "rowid")
        )
        self._denied = ""

    def __call__(
        self, action: int, first: str | None, second: str | None, *where: str | None
    ) -> int:
        if self._allowed(action, first, second):
            return sqlite3.SQLITE_OK
        self._denied = self._denied or _described(action, first, second)
        return sqlite3.SQLITE_DENY

    def take_denied(self) -> str:
        """The action denied since the last call, in words, or ""."""
        denied, self._denied = self._denied, ""
        return denied

    def _allowed(self, action: int, first: str | None, second: str | None) -> bool:
        if action in READS:
            return True
        if action == sqlite3.SQLITE_FUNCTION:
            return (second or "").lower() not in FORBIDDEN_FUNCTIONS
        if action == sqlite3.SQLITE_PRAGMA:
            name = (first or "").lower()
            return name in LISTINGS or (name in SETTINGS and second is None)
        # A virtual table declares its columns like this. Whatever really changes the schema asks
        # for more than that, and there is a better name for it.
        return action in _CHANGES and (first in _SCHEMAS or first in self._shadows)


def _described(action: int, first: str | None, second: str | None) -> str:
    name = _NAMES.get(action, f"action {action}")
    if action == sqlite3.SQLITE_FUNCTION:
        return f"the function {second}"
    if action == sqlite3.SQLITE_TRANSACTION:
        return first or name
    if action == sqlite3.SQLITE_ALTER_TABLE:
        return f"{name} {second}"
    if action == sqlite3.SQLITE_ATTACH:
        return "ATTACH or VACUUM"
    return f"{name} {first}" if first and action != sqlite3.SQLITE_SAVEPOINT else name
