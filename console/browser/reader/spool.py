"""Results on disk: keys, or whole rows, by position. One thread adds, others read."""

import marshal
import os
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO, Any

from console.browser.errors import BrowseError
from console.browser.reader.wire import Values

NUMBER = 8
CHUNK = 1 << 20


@cache
def spool_folder() -> Path:
    """The folder where SQLite would put its temporary files: rather a disk than memory."""
    for name in (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp"):  # noqa: S108
        if name and os.access(name, os.W_OK | os.X_OK):
            return Path(name)
    import tempfile  # here, as below: it takes longer to import than to open a table

    return Path(tempfile.gettempdir())


def free_bytes() -> int:
    import shutil

    return shutil.disk_usage(spool_folder()).free


class _File:
    """A nameless file: made when there is something to write, gone with its last reader or with
    the process, however that ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._closed = False
        self._one_at_a_time = threading.Lock()
        self.size = 0

    def append(self, data: bytes) -> None:
        with self._one_at_a_time:
            file = self._opened()
            file.seek(self.size)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            self.size += len(data)

    def read(self, start: int, size: int) -> bytes:
        with self._one_at_a_time:
            file = self._opened()
            file.seek(start)
            return file.read(size)

    def close(self) -> None:
        with self._one_at_a_time:
            self._closed = True
            if self._file is not None:
                self._file.close()

    def __del__(self) -> None:
        self.close()

    def _opened(self) -> IO[bytes]:
        if self._closed:
            raise BrowseError("these rows were closed", "gone")
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile(dir=spool_folder(), buffering=0)  # noqa: SIM115
        return self._file


class _Spool:
    """Rows by position, from 0, in one file."""

    def __init__(self) -> None:
        self._file = _File()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        self._file.close()


class NumberSpool(_Spool):
    """Rowids, eight bytes each."""

    def extend(self, rows: Sequence[Values]) -> None:
        self._file.append(_numbers(chain.from_iterable(rows)))
        self._length += len(rows)

    def read(self, start: int, limit: int) -> list[Values]:
        limit = min(limit, self._length - start)
        if limit <= 0:
            return []
        numbers = array("q")
        numbers.frombytes(self._file.read(start * NUMBER, limit * NUMBER))
        return [(number,) for number in numbers]

    def position(self, row: Values) -> int | None:
        wanted = _numbers(row)
        for start in range(0, self._length * NUMBER, CHUNK):
            data = self._file.read(start, CHUNK)
            at = data.find(wanted)
            # The bytes of two numbers side by side may look like a third.
            while at >= 0 and at % NUMBER:
                at = data.find(wanted, at + 1)
            if at >= 0:
                return (start + at) // NUMBER
        return None


def _numbers(values: Iterable[Any]) -> bytes:
    return array("q", values).tobytes()


class RowSpool(_Spool):
    """Rows of any values, written in blocks. The last block that was read stays in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._starts = array("q")
        self._offsets = array("q")
        self._last_read: tuple[int, list[Values]] = (-1, [])

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._file.size

    def extend(self, rows: Sequence[Values]) -> None:
        if not rows:
            return
        self._offsets.append(self._file.size)
        self._file.append(marshal.dumps(list(rows)))
        self._starts.append(self._length)
        self._length += len(rows)

    def read(self, start: int, limit: int) -> list[Values]:
        rows: list[Values] = []
        end = min(start + limit, self._length)
        while start < end:
            block = bisect_right(self._starts, start) - 1
            first = start - self._starts[block]
            rows += self._block(block)[first : first + end - start]
            start = self._starts[block] + len(self._block(block))
        return rows

    def position(self, row: Values) -> int | None:
        for block, start in enumerate(list(self._starts)):
            rows = self._block(block)
            if row in rows:
                return start + rows.index(row)
        return None

    def _block(self, block: int) -> list[Values]:
        number, last_rows = self._last_read
        if number == block:
            return last_rows
        last = block + 1 == len(self._starts)
        end = self._file.size if last else self._offsets[block + 1]
        # The process wrote it itself, into a file that nobody else can open.
        data = self._file.read(self._offsets[block], end - self._offsets[block])
        rows: list[Values] = marshal.loads(data)  # noqa: S302
        self._last_read = (block, rows)
        return rows
