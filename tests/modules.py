"""The modules of a package as tests of its boundaries read them."""

import ast
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path


@cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(module.read_text("utf-8"))))


def by_wing(root: Path, modules: Sequence[Path]) -> dict[str, list[Path]]:
    """Modules by the folder under `root`; those beside the folders under the package's name."""

    def wing(module: Path) -> str:
        *folders, _ = module.relative_to(root).parts
        return folders[0] if folders else root.name

    return {name: list(group) for name, group in groupby(sorted(modules, key=wing), wing)}
