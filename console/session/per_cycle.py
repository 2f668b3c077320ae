"""What is made of cycles' results, made once for each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from console.session.view import KEPT_CYCLES

if TYPE_CHECKING:
    from engine import CycleResult

T = TypeVar("T")


class PerCycle(Generic[T]):
    """Keeps what was made. A result that was published again, with its metrics, is another one."""

    def __init__(self, make: "Callable[[CycleResult], T]") -> None:
        self._make = make
        self._known: dict[int, tuple[CycleResult, T]] = {}

    def __call__(self, result: "CycleResult") -> T:
        found = self._known.get(result.cycle_id)
        if found is None or found[0] is not result:
            if len(self._known) >= 2 * KEPT_CYCLES:
                self._known.clear()
            found = self._known[result.cycle_id] = (result, self._make(result))
        return found[1]
