"""Every cycle of a ledger, newest first: rows for a grid, read from the file as they are seen."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.rows import Row
from console.screens.cycles.idle_runs import IdleRuns
from console.screens.shared.cycle_row import CycleRows
from console.screens.shared.cycle_story import CycleStory

if TYPE_CHECKING:
    from engine import CycleResult, History, IdleRun

# How many cycles are read at once, how far ahead of what is seen, how many such pages stay in
# memory, and how many may wait to be read: what was scrolled past is not worth reading.
PAGE = 200
AHEAD = 80
MOST_PAGES = 24
WANTED_PAGES = 3


class AllCycles:
    """A row for every cycle number up to the newest, but one for a whole run of idle cycles: how
    many there are needs no counting, and any of them is at hand. Pages of `PAGE` numbers are read
    when their rows are asked for."""

    def __init__(self, rows: CycleRows) -> None:
        self._rows = rows
        self._runs = IdleRuns()
        self._newest = 0
        self._recent: dict[int, CycleResult] = {}
        self._pages: OrderedDict[int, dict[int, CycleResult]] = OrderedDict()
        self._wanted: dict[int, None] = {}
        self._stale: set[int] = set()

    def __len__(self) -> int:
        return self._runs.row_of(self._newest) + 1 if self._newest else 0

    @property
    def note(self) -> str:
        return f"all {count(self._newest)}" if self._newest else ""

    @property
    def wanting(self) -> bool:
        return bool(self._wanted)

    def take(self, results: "Sequence[CycleResult]") -> None:
        """The newest cycles, as published. A page with one that was not finished is read again."""
        newest = results[0].cycle_id if results else 0
        if newest < self._newest:  # Another file is at the path now.
            self._pages.clear()
            self._runs = IdleRuns()
        self._newest = newest
        self._recent = {result.cycle_id: result for result in results}
        self._stale = {page for page in self._pages if not self._is_done(page)}

    def key_at(self, number: int) -> int | None:
        rows = len(self)
        return self._runs.key_at(rows - 1 - number) if 0 <= number < rows else None

    def row(self, number: int) -> Row | None:
        cycle_id = self.key_at(number)
        if cycle_id is None:
            return None
        self._want(number)
        if (run := self._runs.of(cycle_id)) is not None:
            return self._rows.run(run)
        if (result := self.result(cycle_id)) is not None:
            return self._rows.row(result)
        word = "not recorded" if _page_of(cycle_id) in self._pages else "…"
        return self._rows.blank(cycle_id, word)

    def number_of(self, key: Hashable) -> int | None:
        if not isinstance(key, int) or not 1 <= key <= self._newest:
            return None
        return self._runs.row_of(self._newest) - self._runs.row_of(key)

    def run(self, cycle_id: int) -> "IdleRun | None":
        return self._runs.of(cycle_id)

    def result(self, cycle_id: int) -> "CycleResult | None":
        page = self._pages.get(_page_of(cycle_id), {})
        return self._recent.get(cycle_id) or page.get(cycle_id)

    async def read(self, history: "History") -> None:
        """Read one page that is wanted, the one asked for last, and the runs beside it."""
        await self._runs.read(history)
        page = next(reversed(self._wanted))
        first, last = page * PAGE + 1, (page + 1) * PAGE
        results = await history.results(PAGE, before=last + 1)
        self._pages[page] = {r.cycle_id: r for r in results if r.cycle_id >= first}
        self._pages.move_to_end(page)
        self._stale.discard(page)
        self._wanted.pop(page, None)
        while len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)

    def _want(self, number: int) -> None:
        for row in (number - AHEAD, number + AHEAD, number):
            near = self.key_at(row)
            if near is None or near in self._recent or self._runs.of(near) is not None:
                continue
            page = _page_of(near)
            if page not in self._pages or page in self._stale:
                self._wanted.pop(page, None)
                self._wanted[page] = None
        while len(self._wanted) > WANTED_PAGES:
            del self._wanted[next(iter(self._wanted))]

    def _is_done(self, page: int) -> bool:
        results = self._pages[page].values()
        first, last = page * PAGE + 1, min((page + 1) * PAGE, self._newest)
        runs = self._runs.between(first, last)
        idle = sum(min(run.last, last) - max(run.first, first) + 1 for run in runs)
        expected = last - first + 1 - idle
        return len(results) >= expected and all(CycleStory(r).is_final for r in results)


def _page_of(cycle_id: int) -> int:
    return (cycle_id - 1) // PAGE
