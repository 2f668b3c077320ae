"""The file being read: connections that can do nothing but read it, and what its errors mean."""

import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from console.browser.errors import BrowseError, Trouble
from console.browser.reader import decimals
from console.browser.reader.authorizer import Permits
from console.browser.reader.wire import Stored, Values

# The first that lists its tables with what they are.
OLDEST = (3, 37)
BUSY_SECONDS = 1.0
PAGE_CACHE_KIB = 8 * 1024
# A sort's runs are as large as this: with more, it was two to four times slower.
SCAN_CACHE_KIB = 2 * 1024
MEBI = 1024 * 1024
# Of a statement, between two looks whether it should end.
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
    """What changes when a file is written."""

    size: int
    mtime_ns: int


class Connection:
    """One read-only connection. Every statement is fetched to its end, or closed: an open one
    would keep the log of a live ledger from being given back."""

    def __init__(self, inner: sqlite3.Connection, permits: Permits) -> None:
        self.inner = inner
        self.permits = permits

    def rows(self, sql: str, values: Sequence[Stored] = ()) -> list[Values]:
        return self.inner.execute(sql, values).fetchall()

    def first(self, sql: str, values: Sequence[Stored] = ()) -> Values | None:
        found = self.rows(sql, values)
        return found[0] if found else None

    def each(self, sql: str, values: Sequence[Stored] = ()) -> Generator[Values]:
        """Row by row, for rows that may be large. Close the iterator if it is not used up."""
        cursor = self.inner.execute(sql, values)
        try:
            yield from cursor
        finally:
            cursor.close()

    def batches(self, sql: str, values: Sequence[Stored] = ()) -> Generator[list[Values]]:
        """Small batches first, then larger ones. Close the iterator if it is not used up."""
        cursor = self.inner.execute(sql, values)
        size = 100
        try:
            while batch := cursor.fetchmany(size):
                yield batch
                size = min(2 * size, 10_000)
        finally:
            cursor.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several statements that see the same state of the file."""
        # A statement with rows left keeps it, and holds the log back: for a short while only.
        held = self.inner.execute("SELECT 1 FROM sqlite_schema")
        try:
            yield
        finally:
            held.close()

    def version(self) -> int:
        """A number that is another one once somebody else has written."""
        return int(str(self.rows("PRAGMA data_version")[0][0]))

    def interrupt(self) -> None:
        """End the statement that is running, if any. For any thread, at any time."""
        with suppress(sqlite3.ProgrammingError):
            self.inner.interrupt()

    def close(self) -> None:
        self.inner.close()


class Source:
    """A path, the file that was found there first, and connections to it."""

    def __init__(self, path: str, identity: Identity | None, cell_mib: int) -> None:
        self.path = Path(path)
        self._cell_bytes = min(cell_mib * MEBI, 1_000_000_000)
        found, _ = self._found()
        if identity is not None and identity != found:
            raise self._replaced()
        self.identity = found
        # Of a file that is read as one nobody writes: how it was then.
        self._still: Written | None = None

    def check(self) -> None:
        """Raises `BrowseError` when the path leads to another file than before, or to none."""
        found, written = self._found()
        if found != self.identity:
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

    def explained(self, error: Exception, permits: Permits | None = None) -> BrowseError:
        """What an error means and what to do about it."""
        if isinstance(error, BrowseError):
            return error
        if permits is not None and (denied := permits.take_denied()):
            return BrowseError(f"only reading is possible here: {denied} is not allowed", "refused")
        if isinstance(error, MemoryError):
            return BrowseError("this needs more memory than it may use", "stopped")
        if isinstance(error, OSError) and error.errno in _FULL:
            return self._known(sqlite3.SQLITE_FULL)
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return BrowseError(_one_line(error), "wrong" if _is_typed(error) else "worker")
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            return self._unfinished()
        if code & 0xFF == sqlite3.SQLITE_CANTOPEN:
            return self._not_opened()
        if code & 0xFF in _MESSAGES:
            return self._known(code & 0xFF)
        return BrowseError(_one_line(error))

    def _known(self, code: int) -> BrowseError:
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
        # The first look into the file: whatever is wrong with it shows here.
        rtrees = [str(name) for (name,) in inner.execute(_RTREES).fetchall()]
        decimals.install(inner)
        inner.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._cell_bytes)
        inner.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 4_000_000)
        inner.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        permits = Permits(rtrees)
        inner.set_authorizer(permits)
        return Connection(inner, permits)

    def _found(self) -> tuple[Identity, Written]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise BrowseError(f"{self.path} does not exist", "missing") from None
        except OSError as error:
            raise BrowseError(f"{self.path}: {error.strerror}", "permission") from error
        if not stat.S_ISREG(found.st_mode):
            raise BrowseError(f"{self.path} is not a file", "not a database")
        return Identity(found.st_dev, found.st_ino), Written(found.st_size, found.st_mtime_ns)

    def _replaced(self) -> BrowseError:
        return BrowseError(f"{self.path} was replaced by another file: reopen it", "replaced")

    def _log_is_out_of_reach(self, error: sqlite3.Error) -> bool:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            return False
        try:
            with self.path.open("rb") as file:
                return file.read(20)[18:20] == _WAL_FORMAT
        except OSError:
            return False

    def _stillness(self) -> Written:
        """How a file is that nobody writes. Raises `BrowseError` when there is a log to read."""
        _, written = self._found()
        if self._log_exists():
            raise BrowseError(
                f"{self.path} has a write-ahead log, which cannot be read without write access to "
                "its folder: copy the file and its -wal to a folder of yours and open the copy",
                "permission",
            )
        return written

    def _log_exists(self) -> bool:
        try:
            # SQLite writes it beside the file itself, wherever a link to that is.
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


def limited(connection: Connection, check: Callable[[], bool]) -> None:
    """Call `check` now and then during a statement, which ends where it returns true."""
    connection.inner.set_progress_handler(check, STEPS)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a part of the file cannot be read, while others may."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR)


def _is_typed(error: Exception) -> bool:
    """Whether it is about what an operator typed."""
    return isinstance(error, sqlite3.Error | sqlite3.Warning | UnicodeError)


def _one_line(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if _is_typed(error) else f"{type(error).__name__}: {said}"
