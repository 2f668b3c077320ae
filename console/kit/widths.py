"""Which columns give way where the room is short: the one answer for every table.

Widths are in terminal columns, by any name a column goes by; a gap follows each column.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, TypeVar

GAP: Final = 2

Name = TypeVar("Name", bound=Hashable)
# A step narrows widths that are too wide by so many columns, and returns how many it freed.
Step = Callable[[dict[Name, int], int], int]


def fit(widths: Mapping[Name, int], room: int, steps: Iterable[Step[Name]]) -> dict[Name, int]:
    """The widths after as many of the steps, in turn, as it takes to fit the room."""
    fitting = dict(widths)
    excess = taken(fitting) - room
    for step in steps:
        if excess <= 0:
            break
        excess -= step(fitting, excess)
    return fitting


def taken(widths: Mapping[Name, int]) -> int:
    """The terminal columns that all take, with their gaps."""
    return sum(widths.values()) + GAP * len(widths)


def gone(name: Name) -> Step[Name]:
    """A column goes, and its gap with it."""
    return lambda widths, _: widths.pop(name) + GAP if name in widths else 0


def cut(to: Mapping[Name, int]) -> Step[Name]:
    """Columns are cut together, each to its width."""

    def step(widths: dict[Name, int], excess: int) -> int:
        cuts = {name: widths[name] - to[name] for name in to if widths.get(name, 0) > to[name]}
        for name, freed in cuts.items():
            widths[name] -= freed
        return sum(cuts.values())

    return step


def squeezed(least: Mapping[Name, int]) -> Step[Name]:
    """Columns give what is needed and no more, the widest first, each down to its least."""

    def step(widths: dict[Name, int], excess: int) -> int:
        wide = {name: widths[name] for name in least if name in widths}

        def lacking(level: int) -> int:
            return excess - sum(max(0, wide[n] - max(least[n], level)) for n in wide)

        levels = range(max(wide.values(), default=0) + 1)
        level = bisect_right(levels, 0, key=lacking) - 1
        return cut({name: max(least[name], level) for name in wide})(widths, excess)

    return step
