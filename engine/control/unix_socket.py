"""The control channel's socket: beside the ledger, for its user only."""

import os
import pwd
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.store.ledger_file import beside

# What fits into a socket's address, less the NUL at its end.
LONGEST = 107 if sys.platform == "linux" else 103


def socket_path(db: Path) -> Path:
    """The socket of the engine that runs on the ledger file `db`."""
    return beside(db, ".sock")


@contextmanager
def address(path: Path) -> Iterator[str]:
    """The address to bind or connect to for `path`: itself, or by its folder if that is too long.

    Raises `OSError`.
    """
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    if sys.platform != "linux":
        raise OSError(f"a socket's path has at most {LONGEST} bytes here: {path}")
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """A non-blocking socket bound to `path` that does not listen yet; removed at the end.

    Nobody can connect before it has its mode. Only the holder of the ledger's lease may do this:
    a socket that is there is taken for a dead engine's. Raises `OSError`.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        _remove(path, _identity(path))
        with address(path) as name:
            listener.bind(name)
        made = _identity(path)
        try:
            path.chmod(0o600)
            yield listener
        finally:
            _remove(path, made)


def is_there(path: Path) -> bool:
    """Whether anything is at the path; true where that cannot be told."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def connected(path: Path) -> socket.socket:
    """A non-blocking socket connected to `path`.

    Raises `OSError`; `BlockingIOError` where more wait to be taken than may.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        with address(path) as name:
            connection.connect(name)
    except BaseException:
        connection.close()
        raise
    return connection


def peer(connection: socket.socket) -> str:
    """The process at the other end, as the system names it: `alice (uid 1000) pid 4711`."""
    owner = _process_and_user(connection)
    if owner is None:
        return "unknown"
    pid, uid = owner
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "?"
    return f"{name} (uid {uid}) pid {pid}"


def process_of(connection: socket.socket) -> int | None:
    """The number of the process at the other end; null where the system does not tell."""
    owner = _process_and_user(connection)
    return owner[0] if owner is not None else None


def may_serve(connection: socket.socket, db: Path) -> bool:
    """Whether the other end may be the engine of the ledger file `db`: a process of the file's
    owner, of this user or of root. True as well where the system does not tell whose it is."""
    owner = _process_and_user(connection)
    return owner is None or owner[1] in {0, os.geteuid(), _owner(db)}


def _process_and_user(connection: socket.socket) -> tuple[int, int] | None:
    """The ids of the process and the user at the other end; null where the system has none."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    size = struct.calcsize("iII")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, _ = struct.unpack("iII", credentials)
    return pid, uid


def _owner(db: Path) -> int | None:
    try:
        return db.stat().st_uid
    except OSError:
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    """The socket's device and inode; null where no socket is at the path."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None


def _remove(path: Path, made: tuple[int, int] | None) -> None:
    """The socket `made` is removed, not another one that has taken its place."""
    with suppress(OSError):
        if made is not None and _identity(path) == made:
            path.unlink()
