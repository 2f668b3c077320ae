"""The file being read: connections that can only read it, and the meaning of its errors."""

import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from console.browser.errors import BrowseError, Trouble
from console.browser.reader.authorizer import Authorizer
from console.browser.reader.decimals import SqlFunctions
from console.browser.reader.wire import Stored, Values

# The first that lists its tables with what they are.
OLDEST = (3, 37)
BUSY_SECONDS = 1.0
PAGE_CACHE_KIB = 8 * 1024
# A sort's runs are as large as this: with more, it was two to four times slower.
SCAN_CACHE_KIB = 2 * 1024
MEBI = 1024 * 1024
# Steps of a statement between two checks whether it should end.
STEPS = 20_000

_SETTINGS = (
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = FILE",
)
_RTREES = (
    "SELECT name FROM sqlite_schema"
    " WHERE sql LIKE 'CREATE%USING%rtree%' OR sql LIKE 'CREATE%USING%geopoly%'"
)
_WAL_FORMAT = b"\x02\x02"
_MESSAGES: dict[int, tuple[Trouble, str]] = {
    sqlite3.SQLITE_BUSY: ("locked", "another program has it locked; try again when that is done"),
    sqlite3.SQLITE_LOCKED: ("locked", "another program has it locked; try again when that is done"),
    sqlite3.SQLITE_PROTOCOL: ("locked", "another program has it locked; try again"),
    sqlite3.SQLITE_NOTADB: ("not a database", "this is no SQLite database, or an encrypted one"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", "this part of the file is damaged; other parts may read"),
    sqlite3.SQLITE_IOERR: ("corrupt", "the disk reports an error for this part of the file"),
    sqlite3.SQLITE_FULL: ("stopped", "there is no disk space left for temporary files"),
    sqlite3.SQLITE_NOMEM: ("stopped", "this needs more memory than it may use"),
    sqlite3.SQLITE_TOOBIG: ("stopped", "a value is larger than may be read here"),
    sqlite3.SQLITE_INTERRUPT: ("stopped", "stopped"),
    sqlite3.SQLITE_READONLY: ("refused", "only reading is possible here"),
    sqlite3.SQLITE_AUTH: ("refused", "only reading is possible here"),
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Identity(NamedTuple):
    device: int
    inode: int


class Written(NamedTuple):
    """The size and time of a file, which change when it is written."""

    size: int
    mtime_ns: int


class Connection:
    """One read-only connection. Every statement is fetched to its end, or closed: an open one
    would keep the log of a live ledger from being given back."""

    def __init__(self, inner: sqlite3.Connection, authorizer: Authorizer) -> None:
        self.inner = inner
        self.authorizer = authorizer

    def rows(self, sql: str, values: Sequence[Stored] = ()) -> list[Values]:
        return self.inner.execute(sql, values).fetchall()

    def first(self, sql: str, values: Sequence[Stored] = ()) -> Values | None:
        rows = self.rows(sql, values)
        return rows[0] if rows else None

    def each(self, sql: str, values: Sequence[Stored] = ()) -> Generator[Values]:
        """Row by row, for rows that may be large. Close the iterator if it is not used up."""
        with closing(self.inner.execute(sql, values)) as cursor:
            yield from cursor

    def batches(self, sql: str, values: Sequence[Stored] = ()) -> Generator[list[Values]]:
        """Small batches first, then larger ones. Close the iterator if it is not used up."""
        size = 100
        with closing(self.inner.execute(sql, values)) as cursor:
            while batch := cursor.fetchmany(size):
                yield batch
                size = min(2 * size, 10_000)

    def plan(self, sql: str, values: Sequence[Stored] = ()) -> str:
        """SQLite's plan for a statement, line by line."""
        return "\n".join(str(row[3]) for row in self.rows(f"EXPLAIN QUERY PLAN {sql}", values))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Statements inside see the same state of the file."""
        # An unfinished statement holds the log back: for a short while only.
        with closing(self.inner.execute("SELECT 1 FROM sqlite_schema")):
            yield

    def version(self) -> int:
        """A number that changes when another connection has written."""
        return int(str(self.rows("PRAGMA data_version")[0][0]))

    def limit(self, should_end: Callable[[], bool]) -> None:
        """Call `should_end` now and then during a statement, which ends where it returns true."""
        self.inner.set_progress_handler(should_end, STEPS)

    def interrupt(self) -> None:
        """End the running statement, if any. For any thread, at any time."""
        with suppress(sqlite3.ProgrammingError):
            self.inner.interrupt()

    def close(self) -> None:
        self.inner.close()


class Source:
    """A path, the file that was there first, and connections to it."""

    def __init__(self, path: str, identity: Identity | None, cell_mib: int) -> None:
        self.path = Path(path)
        self._cell_bytes = min(cell_mib * MEBI, 1_000_000_000)
        self.identity, _ = self._stat()
        if identity is not None and identity != self.identity:
            raise self._replaced()
        # Of a file that is read as one nobody writes.
        self._still: Written | None = None

    def check(self) -> None:
        """Raises `BrowseError` when the path leads to another file than before, or to none."""
        identity, written = self._stat()
        if identity != self.identity:
            raise self._replaced()
        if self._still is not None and (written != self._still or self._log_exists()):
            raise BrowseError(
                f"{self.path} was opened as a file nobody writes, and now somebody does: reopen it",
                "replaced",
            )

    def connect(self, cache_kib: int = PAGE_CACHE_KIB) -> Connection:
        """Raises `BrowseError`."""
        if sqlite3.sqlite_version_info < OLDEST:
            message = f"SQLite {sqlite3.sqlite_version} is too old: this needs 3.37 or newer"
            raise BrowseError(message, "optional")
        self.check()
        try:
            return self._connect(cache_kib)
        except sqlite3.Error as error:
            if self._still is not None or not self._log_is_out_of_reach(error):
                raise self.explained(error) from error
        self._still = self._stillness()
        return self.connect(cache_kib)

    def is_part(self, path: Path) -> bool:
        """Whether the path is the database's own file, or one that belongs to it."""
        own = self.path.resolve()
        beside = (Path(f"{own}{end}") for end in ("-wal", "-shm", "-journal"))
        return path.resolve() in (own, *(part.resolve() for part in beside))

    def explained(self, error: Exception, authorizer: Authorizer | None = None) -> BrowseError:
        """The meaning of an error, and what to do about it."""
        if isinstance(error, BrowseError):
            return error
        if authorizer is not None and (denied := authorizer.take_denied()):
            return BrowseError(f"only reading is possible here: {denied} is not allowed", "refused")
        if isinstance(error, MemoryError):
            return BrowseError("this needs more memory than it may use", "stopped")
        if isinstance(error, OSError) and error.errno in _FULL:
            return self._with_message(sqlite3.SQLITE_FULL)
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return BrowseError(_one_line(error), "wrong" if _is_typed(error) else "worker")
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            return self._unfinished()
        if code & 0xFF == sqlite3.SQLITE_CANTOPEN:
            return self._not_opened()
        if code & 0xFF in _MESSAGES:
            return self._with_message(code & 0xFF)
        return BrowseError(_one_line(error))

    def _with_message(self, code: int) -> BrowseError:
        trouble, message = _MESSAGES[code]
        return BrowseError(f"{self.path}: {message}", trouble)

    def _connect(self, cache_kib: int) -> Connection:
        options = "mode=ro" if self._still is None else "mode=ro&immutable=1"
        inner = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?{options}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            return self._confined(inner, cache_kib)
        except BaseException:
            inner.close()
            raise

    def _confined(self, inner: sqlite3.Connection, cache_kib: int) -> Connection:
        inner.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        for setting in (*_SETTINGS, f"PRAGMA cache_size = -{cache_kib}"):
            inner.execute(setting).close()
        # The first statement that reads the file: whatever is wrong with it shows here.
        rtrees = [str(name) for (name,) in inner.execute(_RTREES).fetchall()]
        SqlFunctions(inner).install()
        inner.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._cell_bytes)
        inner.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 4_000_000)
        inner.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        authorizer = Authorizer(rtrees)
        inner.set_authorizer(authorizer)
        return Connection(inner, authorizer)

    def _stat(self) -> tuple[Identity, Written]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            raise BrowseError(f"{self.path} does not exist", "missing") from None
        except OSError as error:
            raise BrowseError(f"{self.path}: {error.strerror}", "permission") from error
        if not stat.S_ISREG(status.st_mode):
            raise BrowseError(f"{self.path} is not a file", "not a database")
        return Identity(status.st_dev, status.st_ino), Written(status.st_size, status.st_mtime_ns)

    def _replaced(self) -> BrowseError:
        return BrowseError(f"{self.path} was replaced by another file: reopen it", "replaced")

    def _log_is_out_of_reach(self, error: sqlite3.Error) -> bool:
        code = getattr(error, "sqlite_errorcode", 0)
        out_of_reach = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if code & 0xFF not in out_of_reach or code == sqlite3.SQLITE_READONLY_ROLLBACK:
            return False
        try:
            with self.path.open("rb") as file:
                return file.read(20)[18:20] == _WAL_FORMAT
        except OSError:
            return False

    def _stillness(self) -> Written:
        """The state of a file that nobody writes. Raises `BrowseError` when it has a log."""
        _, written = self._stat()
        if self._log_exists():
            raise BrowseError(
                f"{self.path} has a write-ahead log, which cannot be read without write access to "
                "its folder: copy the file and its -wal to a folder of yours and open the copy",
                "permission",
            )
        return written

    def _log_exists(self) -> bool:
        try:
            # SQLite writes the log beside the file itself, wherever a link to that is.
            return Path(f"{self.path.resolve()}-wal").stat().st_size > 0
        except OSError:
            return False

    def _not_opened(self) -> BrowseError:
        effective = os.access in os.supports_effective_ids
        if not os.access(self.path, os.R_OK, effective_ids=effective):
            return BrowseError(f"{self.path}: you may not read this file", "permission")
        return BrowseError(f"{self.path} cannot be opened", "permission")

    def _unfinished(self) -> BrowseError:
        return BrowseError(
            f"{self.path} was left in the middle of a write: open it once with the program that "
            "writes it",
            "locked",
        )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error is of one part of the file, while others may be read."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR)


def _is_typed(error: Exception) -> bool:
    """Whether an error is of the statement that an operator typed."""
    return isinstance(error, sqlite3.Error | sqlite3.Warning | UnicodeError)


def _one_line(error: Exception) -> str:
    message = " ".join(str(error).split())
    return message if _is_typed(error) else f"{type(error).__name__}: {message}"
