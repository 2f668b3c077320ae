"""A write-ahead log that is not its ledger's: left over from another state of the file.

SQLite reads whatever log lies beside a file through it, and nothing in the two ties them together.
What does here are the `beats` of the lease, which every transaction raises by one: the file has the
number from before the log, or one that the log wrote.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import LeftoverLog, StoreCorrupt, StoreError
from engine.store.ledger_file import beside
from engine.store.sqlite_errors import translated
from engine.store.tx import Tx
from engine.store.wal_format import HEADER, Frame, frames, last_integer, page_size

# While an engine writes, file and log are read at two moments: they are read again then.
_ATTEMPTS = 20
_PAUSE_S = 0.02
_JOURNAL = bytes.fromhex("d9d505f920a163d7")
_HAS_LOG = b"\2\2"


@dataclass(frozen=True, slots=True)
class _File:
    """The ledger's file without its log; `beats` is null where it has no lease yet."""

    page_size: int = 0
    pages: int = 0
    lease_page: int = 0
    beats: int | None = None

    @classmethod
    def read(cls, path: Path) -> "_File":
        """Raises `StoreError`."""
        with alone(path) as tx:
            [(size, pages)] = tx.rows("file_pages")
            page = tx.value("file_lease_page")
            return cls(size, pages, page, tx.value("file_lease")) if page else cls(size, pages)


@dataclass(slots=True)
class _Log:
    """A log's commits: the pages they wrote, how many the file has after them, and the first and
    the last `beats` among them, null where they are none."""

    page_size: int
    pages: int = 0
    written: set[int] = field(default_factory=set)
    leases: list[int] = field(default_factory=list)
    first: int | None = None
    last: int | None = None

    @classmethod
    def read(cls, path: Path, lease_page: int, *, checked: bool) -> "_Log | None":
        """Null where SQLite would read nothing of it."""
        try:
            log = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            header = os.pread(log, HEADER, 0)
            size = page_size(header)
            if size is None:
                return None
            read = cls(size)
            pending: list[Frame] = []
            for frame in frames(log, header, size, checked=checked):
                pending.append(frame)
                if frame.pages:  # A commit: what comes after the last one never happened.
                    read._commit(pending, lease_page)
                    pending.clear()
            if read.leases:
                ends = (os.pread(log, size, at) for at in (read.leases[0], read.leases[-1]))
                read.first, read.last = map(last_integer, ends)
            return read if read.pages else None
        finally:
            os.close(log)

    def _commit(self, committed: list[Frame], lease_page: int) -> None:
        self.pages = committed[-1].pages
        self.written.update(frame.page for frame in committed)
        self.leases += [frame.at for frame in committed if frame.page == lease_page]


def check_log(path: Path, *, only_ledgers: bool = False) -> None:
    """Raises `LeftoverLog` where the ledger's log was left by another state of the file.

    Nothing is read through the log, unless it does not say what it was written for. With
    `only_ledgers`, a file that is none has any log.
    """
    for _ in range(_ATTEMPTS):
        before = _moment(path)
        reason = _misfit(path, only_ledgers)
        if reason is None:
            return
        if before == _moment(path):
            raise LeftoverLog(_remedy(path, reason))
        time.sleep(_PAUSE_S)


def _misfit(path: Path, only_ledgers: bool) -> str | None:
    """Why the log is not the file's; null where it is, or where there is none."""
    if reason := _misfit_of_journal(path):
        return reason
    log_path = beside(path, "-wal")
    if not _size(log_path):
        return None
    try:
        file = _File.read(path) if _size(path) else _File()
    except StoreCorrupt:
        return _damage(path)  # A checkpoint that was cut off: the file reads only with its log.
    except StoreError:
        return None  # What it is, opening it says.
    if only_ledgers and file.pages and file.beats is None:
        return None
    # The quick look may take a transaction that was cut off for one of the log.
    if _contradiction(path, file, _Log.read(log_path, file.lease_page, checked=False)) is None:
        return None
    return _contradiction(path, file, _Log.read(log_path, file.lease_page, checked=True))


def _contradiction(path: Path, file: _File, log: _Log | None) -> str | None:
    """A log's contradiction of the file; null where there is none."""
    if log is None:
        return None
    if not file.pages:
        return "the file is empty or missing"
    if file.page_size != log.page_size:
        return f"the file has pages of {file.page_size} bytes, the log of {log.page_size}"
    missing = set(range(file.pages + 1, log.pages + 1)) - log.written
    if missing:
        return f"neither has page {min(missing)}"
    return _misfit_of_lease(path, file, log)


def _misfit_of_journal(path: Path) -> str | None:
    """Why a journal is not the file's, null where it is or there is none: a file that has a
    write-ahead log had a journal only while it was given one, and was no longer before."""
    journal = beside(path, "-journal")
    try:
        with journal.open("rb") as file:
            head = file.read(HEADER)
        with path.open("rb") as file:
            size, form = file.seek(0, os.SEEK_END), os.pread(file.fileno(), 20, 0)[16:]
    except OSError:
        return None
    if not head.startswith(_JOURNAL) or form[2:] != _HAS_LOG:
        return None
    pages = size // (int.from_bytes(form[:2], "big") or 1)
    before = int.from_bytes(head[16:20], "big")
    return f"a journal of {before} pages, the file has {pages}" if pages > max(before, 1) else None


def _misfit_of_lease(path: Path, file: _File, log: _Log) -> str | None:
    if file.beats is None and file.pages == 1:
        return None  # A new ledger: all of it is in the log.
    if file.beats is None or log.first is None or log.last is None:
        return _damage(path)
    if log.first - 1 <= file.beats <= log.last:
        return None
    which = "older" if file.beats < log.first else "newer"
    return f"the file is {which} (its transaction {file.beats}, the log's {log.first}–{log.last})"


def _damage(path: Path) -> str | None:
    """Why file and log cannot be of one state, where they do not say it: looked through on a
    connection that cannot write. A file is torn by a log that is not its own."""
    try:
        with _read_only(path) as tx:
            first = tx.value("file_first_damage")
    except StoreCorrupt as error:
        return str(error)
    except StoreError:
        return None
    return None if first == "ok" else f"together they are damaged ({first})"


@contextmanager
def alone(path: Path) -> Iterator[Tx]:
    """The file without its log, which SQLite leaves aside here. Raises `StoreError`."""
    with _read_only(path, "&immutable=1") as tx:
        yield tx


@contextmanager
def _read_only(path: Path, more: str = "") -> Iterator[Tx]:
    uri = f"{path.absolute().as_uri()}?mode=ro{more}"
    with translated(path), closing(sqlite3.connect(uri, uri=True)) as connection:
        yield Tx(connection, path)


def _moment(path: Path) -> tuple[object, ...]:
    """The state of a file and its log, which differs once either is written."""
    log = beside(path, "-wal")
    header = b""
    with suppress(OSError), log.open("rb") as file:
        header = file.read(HEADER)
    return header, _state(path), _state(log)


def _size(path: Path) -> int:
    """0 where there is no such file, or none that can be looked at: opening it says why."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _state(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _remedy(path: Path, reason: str) -> str:
    file = beside(path, "").name
    return (
        f"{path} and the log beside it are not of one state: {reason}. The file was put back or "
        "replaced, and the log of the one before was left. Nothing was read or changed. If this "
        f"file is the one you want, move {file}-wal, {file}-shm and {file}-journal, where they are "
        "there, out of the folder; if not, put back the one that the log is of"
    )
