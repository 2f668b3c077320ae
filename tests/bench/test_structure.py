"""The figures of a small tree, each counted by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.arrows import circles
from bench.structure import Figures, areas_of

ROOT = Path(__file__).parents[2]

TREE = {
    "engine/__init__.py": "from engine.fills import Fill\n",
    "engine/fills.py": '''"""Fills that the venue told, not the unknown."""

LIMIT = 1
Fills = list["Fill"]


class Fill:
    def price(self):
        """What was said,

        on a foundation

        of many

        lines.
        """
        return 1


if LIMIT:

    def conditional():
        pass


async def _fetch(found_at):
    from engine.store import rows

    def inner():
        return Found

    return inner
''',
    "engine/store/__init__.py": "",
    "engine/store/rows.py": "import os.path\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from engine import fills, Fill\n",
    "engine/store/names.py": "from .rows import NAMES\nfrom ..fills import Fill\n",
    "console/__init__.py": "",
    "console/app.py": "import engine.store.rows\n\n\ndef kept():\n    pass\n",
}


def write(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write(tmp_path / "tree", TREE)


@pytest.fixture
def engine(tree: Path) -> Figures:
    return areas_of(tree)["engine"]


def test_lines_are_all_lines_and_modules_all_files(engine: Figures) -> None:
    assert engine["lines"] == sum(
        text.count("\n") for name, text in TREE.items() if name.startswith("engine/")
    )
    assert engine["modules"] == 5


def test_a_functions_docstring_does_not_make_it_longer(engine: Figures) -> None:
    # conditional 2, inner 2, price 2 without its docstring, _fetch 7
    assert engine["lines a function, median"] == 2
    assert engine["lines a function, 90th percentile"] == 7
    assert engine["lines a function, longest"] == 7


def test_concepts_are_classes_and_functions_at_the_top_of_a_module(engine: Figures) -> None:
    assert engine["concepts"] == 2  # Fill and _fetch
    assert engine["concepts per 1,000 lines"] == 2 / engine["lines"] * 1_000


def test_filler_words_count_in_prose_and_as_parts_of_names(engine: Figures) -> None:
    assert engine["filler words"] == 3  # told, said and found_at; not unknown, foundation or Found
    assert engine["filler words per 1,000 lines"] == 3 / engine["lines"] * 1_000


def test_rooms_are_what_lies_directly_inside_a_package(tree: Path) -> None:
    areas = areas_of(tree)
    assert areas["engine"]["rooms"] == 3  # __init__, fills, store
    assert areas["engine/store"]["rooms"] == 3  # __init__, rows, names
    assert areas["total"]["rooms"] == 5


def test_an_arrow_is_any_import_between_two_rooms_and_counts_once(tree: Path) -> None:
    areas = areas_of(tree)
    # __init__ → fills, fills → store (in a function), store → fills and __init__ (for types,
    # and a relative one)
    assert areas["engine"]["arrows between rooms"] == 4
    assert areas["engine/store"]["arrows between rooms"] == 1
    assert areas["console"]["arrows between rooms"] == 0
    assert areas["total"]["arrows between rooms"] == 5


def test_a_circle_of_rooms_need_not_be_one_of_modules(tmp_path: Path) -> None:
    files = {
        "engine/a/one.py": "import engine.b",
        "engine/a/two.py": "",
        "engine/b.py": "import engine.a.two",
        "console/app.py": "import console.app",
    }
    total = areas_of(write(tmp_path, files))["total"]
    assert total["circles of modules"] == 0
    assert total["circles of rooms"] == 1


def test_modules_that_reach_each_other_are_one_circle() -> None:
    arrows = {("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("e", "f")}
    assert circles(arrows) == [["a", "b", "c"], ["d", "e"]]
    assert circles(arrows - {("c", "a"), ("e", "d")}) == []


def test_the_circles_of_a_tree_are_counted(engine: Figures) -> None:
    assert engine["circles of modules"] == engine["circles of rooms"] == 1


def test_a_folder_that_is_new_and_empty_has_figures(tree: Path) -> None:
    write(tree, {"console/kit/__init__.py": ""})
    assert areas_of(tree)["console/kit"]["concepts per 1,000 lines"] == 0


# --- the command


def run(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "bench.structure", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_the_table_has_a_line_a_figure_and_names_the_circles(tree: Path) -> None:
    lines = run(tree, "--folders").splitlines()
    assert lines[0].split() == ["engine", "console", "total"]
    assert next(line for line in lines if line.startswith("concepts ")).split() == [
        "concepts", "2", "1", "3",
    ]  # fmt: skip
    assert any(line.split()[:2] == ["engine/store", "6"] for line in lines if line)
    assert "A circle of modules: engine, engine.fills, engine.store.rows" in lines
    assert len({len(line) for line in lines[:14]}) == 1


def test_of_two_trees_both_stand_in_the_table_and_the_lines_deleted(
    tree: Path, tmp_path: Path
) -> None:
    later = write(tmp_path / "later", TREE | {"engine/fills.py": "", "console/kit/a.py": "\n\n"})
    lines = run(tree, later).splitlines()
    assert next(line for line in lines if line.startswith("modules")).split()[1:] == [
        "5", "→", "5", "2", "→", "3", "7", "→", "8",
    ]  # fmt: skip
    fills = TREE["engine/fills.py"].count("\n")
    assert lines[14].rsplit(maxsplit=3)[1:] == [f"{fills}", "-2", f"{fills - 2}"]
    before, after = json.loads(run(tree, later, "--json"))
    assert before == areas_of(tree)
    assert after["console/kit"]["lines deleted, net"] == -2


def test_a_path_without_the_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run(tmp_path)
    assert f"no such folder: {tmp_path / 'engine'}" in refused.value.stderr
