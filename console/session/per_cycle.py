"""Values made of cycles' results, made once for each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from console.session.view import MOST_CYCLES

if TYPE_CHECKING:
    from engine import CycleResult

T = TypeVar("T")


class PerCycle(Generic[T]):
    """A value for each result. One that was published again, with its metrics, is another one."""

    def __init__(self, make: "Callable[[CycleResult], T]") -> None:
        self._make = make
        self._values: dict[int, tuple[CycleResult, T]] = {}

    def __call__(self, result: "CycleResult") -> T:
        source, value = self._values.get(result.cycle_id, (None, None))
        if value is None or source is not result:
            if len(self._values) >= 2 * MOST_CYCLES:
                self._values.clear()
            value = self._make(result)
            self._values[result.cycle_id] = (result, value)
        return value
