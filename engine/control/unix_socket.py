"""Where an engine's control channel is: a Unix socket beside the ledger, for its user only."""

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
    """What to bind or connect to for `path`: itself, or by its folder's descriptor if too long.

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
    """Who is at the other end, as the system tells: `alice (uid 1000) pid 4711`."""
    found = _process_and_user(connection)
    if found is None:
        return "unknown"
    pid, uid = found
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "?"
    return f"{name} (uid {uid}) pid {pid}"


def may_serve(connection: socket.socket, db: Path) -> bool:
    """Whether the other end may be the engine of the ledger file `db`: a process of the file's
    owner, of this user or of root. True as well where the system does not tell whose it is."""
    found = _process_and_user(connection)
    return found is None or found[1] in {0, os.geteuid(), _owner(db)}


def _process_and_user(connection: socket.socket) -> tuple[int, int] | None:
    """The numbers of the process and the user at the other end; null where nobody tells."""
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
    """What tells one socket from another at the same path; null where there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISSOCK(found.st_mode) else None


def _remove(path: Path, made: tuple[int, int] | None) -> None:
    """Remove the socket `made`, and not what has taken its place."""
    with suppress(OSError):
        if made is not None and _identity(path) == made:
            path.unlink()
