"""Rows by number, as far as they are in memory: the visible ones and a few around them."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from console.browser.client import Rows
from console.browser.model import BrowseError, ColumnInfo, Count, Key, Page, Row

CHUNK: Final = 64
# Characters, and some for each cell: a few megabytes at most.
_MOST_WEIGHT: Final = 2_000_000
_CELL_WEIGHT: Final = 60

# The count of rows, and whether a scan still runs.
ScanState = tuple[Count, bool]


@dataclass(slots=True)
class _Chunk:
    """Rows from a multiple of `CHUNK` on. `counted` is the count when they were read; null: they
    are to be read again."""

    page: Page
    counted: ScanState | None
    weight: int


class PagedRows:
    """Rows are fetched as they are wanted, one chunk after another; only the newest wish counts.

    `on_rows` is called with the first and last number of rows that came, `on_trouble` when they
    could not be read, `on_failure` with an error of the program itself.
    """

    def __init__(
        self,
        rows: Rows,
        on_rows: Callable[[int, int], None],
        on_trouble: Callable[[BrowseError], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.rows = rows
        self._on_rows = on_rows
        self._on_trouble = on_trouble
        self._on_failure = on_failure
        self._chunks: OrderedDict[int, _Chunk] = OrderedDict()
        self._weight = 0
        self._tail: Page | None = None
        self._wanted = range(0)
        self._around: list[int] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        return self.rows.columns

    @property
    def counted(self) -> bool:
        return self.rows.count.state == "exact"

    @property
    def _count(self) -> ScanState:
        progress = self.rows.progress
        return self.rows.count, progress is not None and not progress.done

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def __len__(self) -> int:
        """The number of rows to scroll over: a guess, while they are being counted."""
        count = self.rows.count
        if count.state == "exact":
            return count.value
        return max(count.value, _end(self._tail) if self._tail else count.estimate or 0)

    def row(self, number: int) -> Row | None:
        page = self._page_with(number)
        return page.rows[number - page.start] if page else None

    def exact(self, number: int) -> bool:
        """Whether a row's number is certain."""
        page = self._page_with(number)
        return page is None or page.exact

    def number_of(self, key: Key, first: int, last: int) -> int | None:
        """The number of a row among these, as far as they are in memory."""
        numbers = range(first, last + 1)
        return next((n for n in numbers if (row := self.row(n)) and row.key == key), None)

    def want(self, first: int, last: int) -> None:
        """Fetch visible rows first, then the chunk after and the one before, once: where rows are
        wide there may be room for one of them only."""
        wanted = range(max(0, first) // CHUNK, max(0, last) // CHUNK + 1)
        if wanted != self._wanted:
            self._wanted = wanted
            self._around = [i for i in (wanted.stop, wanted.start - 1) if i >= 0]
        if not self.busy and (self._around or self._missing() is not None):
            self._task = asyncio.create_task(self._fill())
            self._task.add_done_callback(self._filled)

    async def ready(self, first: int, last: int, seconds: float = 0.2) -> None:
        """Want these rows, and wait a moment for them."""
        self.want(first, last)
        await self.settled(seconds)

    async def settled(self, seconds: float | None = 0.2) -> None:
        """Wait a moment for the wanted rows, or as long as it takes."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    async def last(self) -> int:
        """The number of the last row, which is in memory afterwards, counted or not."""
        if not self.counted:
            tail = await self.rows.page(-2 * CHUNK, 2 * CHUNK)
            self._tail = tail if tail.rows else None
        return len(self) - 1

    def settle(self) -> tuple[int, int]:
        """The renumbering of the last rows, once the count is exact: rows from the first number on
        have moved by the second."""
        tail = self._tail
        if tail is None or not self.counted:
            return 0, 0
        by = len(self) - _end(tail)
        self._tail = Page(tail.start + by, tail.rows) if tail.start + by >= 0 else None
        return tail.start, by

    def read_again(self) -> None:
        """Rows in memory may be old: visible ones stay until they are read anew; those around them
        are not read before one moves."""
        self._tail, self._around = None, []
        for index in [i for i in self._chunks if i not in self._wanted]:
            self._drop(index)
        for chunk in self._chunks.values():
            chunk.counted = None

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _fill(self) -> None:
        while (index := self._next()) is not None:
            counted = self._count
            try:
                page = await self.rows.page(index * CHUNK, CHUNK)
            except BrowseError as trouble:
                self._on_trouble(trouble)
                return
            before = self._chunks.get(index)
            self._store(index, page, counted)
            if before is None or before.page != page:
                self._on_rows(index * CHUNK, (index + 1) * CHUNK - 1)

    def _filled(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._on_failure(error)

    def _next(self) -> int | None:
        if (index := self._missing()) is not None:
            return index
        while self._around:
            if self._lacks(index := self._around.pop(0)):
                return index
        return None

    def _missing(self) -> int | None:
        """The first visible chunk that is to be read."""
        return next((index for index in self._wanted if self._lacks(index)), None)

    def _lacks(self, index: int) -> bool:
        missing = min(CHUNK, len(self) - index * CHUNK)
        chunk = self._chunks.get(index)
        if chunk is None:
            return missing > 0
        if chunk.counted is None:
            return True
        short = len(chunk.page.rows) < missing or not chunk.page.exact
        return short and chunk.counted != self._count

    def _store(self, index: int, page: Page, counted: ScanState) -> None:
        self._drop(index)
        weight = sum(_weight(row) for row in page.rows)
        self._chunks[index] = _Chunk(page, counted, weight)
        self._weight += weight
        spare = (i for i in list(self._chunks) if i not in self._wanted and i != index)
        while self._weight > _MOST_WEIGHT and (oldest := next(spare, None)) is not None:
            self._drop(oldest)

    def _drop(self, index: int) -> None:
        if chunk := self._chunks.pop(index, None):
            self._weight -= chunk.weight

    def _page_with(self, number: int) -> Page | None:
        tail = self._tail
        if tail and tail.start <= number < _end(tail):
            return tail
        chunk = self._chunks.get(number // CHUNK)
        if chunk is None or not chunk.page.start <= number < _end(chunk.page):
            return None
        self._chunks.move_to_end(number // CHUNK)
        return chunk.page


def _end(page: Page) -> int:
    return page.start + len(page.rows)


def _weight(row: Row) -> int:
    return sum(_CELL_WEIGHT + len(cell.text) for cell in row.cells)
