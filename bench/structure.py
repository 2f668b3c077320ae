"""The structure of engine/ and console/ in figures: of one tree, or of two, before and after.

    python -m bench.structure [TREE] [AFTER] [--folders] [--json]

Without a path it is the tree that this file stands in. Only `*.py` counts, and nothing is run.

- Lines are all of a file's: blank ones, comments and docstrings too.
- A function's lines go from `def` to its last, its docstring left out; methods and inner functions
  are functions. The 90th percentile is a length that occurs: nine in ten are not longer.
- Concepts are the classes and functions, public or not, directly at the top of a module. Constants,
  type aliases, and what stands inside an `if`, a `try` or a class are none.
- Filler words are found, told, said, known and kept in lower case with no letter before or after:
  in code, comments and docstrings, and as parts of names (`_kept`, `found_at`; not `unknown`).
- Rooms are the folders and modules directly inside a package; its `__init__.py` is one of them.
  The total takes both packages together; a folder's figures include what lies below it, and its
  rooms are what lies directly inside.
- An arrow is that one room imports another, however often. Every import statement counts: also one
  inside a function, and one for type checking only. `from a import b` leads to the module `a.b`,
  or to `a` where `b` is none; that `a` is loaded on the way to `a.b` is no arrow. Modules named in
  strings are not seen, nor are imports from outside the two packages or the folder.
- A circle is a set of modules, or of rooms, each of which reaches all others along the arrows.
"""

import argparse
import ast
import json
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

from bench.arrows import Arrows, arrows_between, arrows_of_rooms, circles, room

PACKAGES = ("engine", "console")
FILLERS = re.compile(r"(?<![A-Za-z])(?:found|told|said|known|kept)(?![A-Za-z])")
DENSITIES = ("concepts per 1,000 lines", "filler words per 1,000 lines")
DELETED = "lines deleted, net"
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

Figures = dict[str, float]
Areas = dict[str, Figures]


@dataclass(frozen=True)
class Module:
    """A file, counted: the lengths of its functions, and its imports as dotted names."""

    name: str
    folders: frozenset[str]
    lines: int
    functions: tuple[int, ...]
    concepts: int
    fillers: int
    imports: frozenset[str]


def modules_of(tree: Path) -> list[Module]:
    files = [file for package in PACKAGES for file in (tree / package).rglob("*.py")]
    return [module_at(file, file.relative_to(tree)) for file in sorted(files)]


def module_at(file: Path, place: Path) -> Module:
    text = file.read_text("utf-8")
    syntax = ast.parse(text)
    nodes = list(ast.walk(syntax))
    return Module(
        name=".".join(place.with_suffix("").parts).removesuffix(".__init__"),
        folders=frozenset(parent.as_posix() for parent in place.parents),
        lines=len(text.splitlines()),
        functions=tuple(length(node) for node in nodes if isinstance(node, FUNCTION)),
        concepts=sum(isinstance(node, (*FUNCTION, ast.ClassDef)) for node in syntax.body),
        fillers=len(FILLERS.findall(text)),
        imports=frozenset(name for node in nodes for name in imported(node, place.parent)),
    )


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = function.body[:1] if ast.get_docstring(function) is not None else []
    return lines_of(function) - sum(map(lines_of, docstring))


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def imported(node: ast.AST, folder: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        relative = "." * node.level + (node.module or "")
        origin = resolve_name(relative, ".".join(folder.parts))
        yield from (f"{origin}.{alias.name}" for alias in node.names)


def areas_of(tree: Path) -> Areas:
    """The figures of each folder, by its path, and of both packages as `total`."""
    modules = modules_of(tree)
    folders = sorted({folder for module in modules for folder in module.folders} - {"."})
    inside = {folder: [one for one in modules if folder in one.folders] for folder in folders}
    areas = {folder: figures_of(some, folder.count("/") + 1) for folder, some in inside.items()}
    return areas | {"total": figures_of(modules)}


def figures_of(modules: Sequence[Module], depth: int = 1) -> Figures:
    lines = sum(module.lines for module in modules)
    lengths = sorted(length for module in modules for length in module.functions) or [0]
    concepts = sum(module.concepts for module in modules)
    fillers = sum(module.fillers for module in modules)
    arrows = arrows_of(modules)
    rooms = arrows_of_rooms(arrows, depth)
    return {
        "lines": lines,
        "modules": len(modules),
        "lines a function, median": statistics.median_low(lengths),
        "lines a function, 90th percentile": lengths[math.ceil(len(lengths) * 0.9) - 1],
        "lines a function, longest": lengths[-1],
        "concepts": concepts,
        DENSITIES[0]: concepts / max(lines, 1) * 1_000,
        "filler words": fillers,
        DENSITIES[1]: fillers / max(lines, 1) * 1_000,
        "rooms": len({room(module.name, depth) for module in modules}),
        "arrows between rooms": len(rooms),
        "circles of modules": len(circles(arrows)),
        "circles of rooms": len(circles(rooms)),
    }


def arrows_of(modules: Sequence[Module]) -> Arrows:
    return arrows_between({module.name: module.imports for module in modules})


def with_deleted(before: Areas, after: Areas) -> Areas:
    return {
        area: figures | {DELETED: before.get(area, {}).get("lines", 0) - figures["lines"]}
        for area, figures in after.items()
    }


def table(trees: Sequence[Areas]) -> str:
    columns = (*PACKAGES, "total")
    rows = [
        [figure, *(cell([areas[column].get(figure) for areas in trees]) for column in columns)]
        for figure in trees[-1]["total"]
    ]
    return aligned([["", *columns], *rows])


def folders_table(areas: Areas) -> str:
    columns = ("lines", *DENSITIES)
    rows = [[area, *(cell([figures[name]]) for name in columns)] for area, figures in areas.items()]
    return aligned([["", *columns], *rows])


def cell(values: Sequence[float | None]) -> str:
    shown = [value for value in values if value is not None]
    return " → ".join(f"{one:,.1f}" if isinstance(one, float) else f"{one:,}" for one in shown)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([name.ljust(first), *map(str.rjust, cells, others)]) for name, *cells in rows
    )


def main(trees: Sequence[Path], folders: bool, as_json: bool) -> None:
    measured = [areas_of(tree) for tree in trees]
    measured[1:] = [with_deleted(measured[0], areas) for areas in measured[1:]]
    if as_json:
        print(json.dumps(measured, indent=2))
        return
    print(table(measured))
    if folders:
        print(f"\n{folders_table(measured[-1])}")
    arrows = arrows_of(modules_of(trees[-1]))
    for kind, some in (("modules", arrows), ("rooms", arrows_of_rooms(arrows, 1))):
        for circle in circles(some):
            print(f"\nA circle of {kind}: {', '.join(circle)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    here = Path(__file__).parents[1]
    parser.add_argument(
        "tree", type=Path, nargs="?", default=here, help="a checkout; else this one"
    )
    parser.add_argument("after", type=Path, nargs="?", help="a later one, shown beside it")
    parser.add_argument("--folders", action="store_true", help="also the last tree by folder")
    parser.add_argument("--json", action="store_true", help="all figures of all folders, by tree")
    arguments = parser.parse_args()
    trees = [tree for tree in (arguments.tree, arguments.after) if tree]
    for folder in (tree / package for tree in trees for package in PACKAGES):
        if not folder.is_dir():
            parser.error(f"no such folder: {folder}")
    main(trees, arguments.folders, arguments.json)
