"""Imports as arrows, between modules or between the rooms they stand in, and circles of them."""

from collections.abc import Collection, Mapping

Arrows = set[tuple[str, str]]


def arrows_between(imports: Mapping[str, Collection[str]]) -> Arrows:
    """The arrows between modules, from the dotted names that each of them imports."""
    arrows = {
        (name, target(other, imports)) for name, others in imports.items() for other in others
    }
    return {(start, end) for start, end in arrows if end and start != end}


def target(name: str, modules: Collection[str]) -> str:
    """The module that an imported name stands in; empty for a name from elsewhere."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def room(module: str, depth: int) -> str:
    """The folder or module directly inside a package `depth` folders deep."""
    return ".".join(module.split(".")[: depth + 1])


def arrows_of_rooms(arrows: Arrows, depth: int) -> Arrows:
    pairs = {(room(start, depth), room(end, depth)) for start, end in arrows}
    return {(start, end) for start, end in pairs if start != end}


def circles(arrows: Arrows) -> list[list[str]]:
    """The strongly connected sets of more than one, each sorted."""
    reached = {start: reach(start, arrows) for start, _ in arrows}
    groups = {
        frozenset(end for end in ends if start in reached.get(end, ()))
        for start, ends in reached.items()
    }
    return sorted(sorted(group) for group in groups if group)


def reach(start: str, arrows: Arrows) -> set[str]:
    reached: set[str] = set()
    border = {start}
    while border:
        border = {end for begin, end in arrows if begin in border} - reached
        reached |= border
    return reached
