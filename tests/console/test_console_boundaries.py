"""What the console may import, when, and that nothing from outside is ever markup."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import console
import engine
from tests.modules import by_wing, nodes

ROOT = Path(console.__file__).parent
STYLES = ROOT.parent / "styles"
MODULES = sorted(ROOT.rglob("*.py"))

# Public as the command line's own.
CLI = {"engine.cli", "engine.cli.options", "engine.cli.commands"}

# Parts of Textual that it does not promise to keep, or that do more than they promise.
INSIDES = {
    "_driver",
    "_handle_exception",
    "_must_signal_resume",
    "delay_update",
    "refresh_css",
    "window_virtual_size",
}


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


WINGS = by_wing(ROOT, MODULES)
of_each_wing = pytest.mark.parametrize("wing", WINGS)


def imported(module: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import from the engine."""
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "engine":
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.name, "") for a in node.names if a.name.partition(".")[0] == "engine")


@of_each_wing
def test_only_public_names_of_the_engine_are_imported(wing: str) -> None:
    for module in WINGS[wing]:
        for source, name in imported(module):
            where = f"{name_of(module)}: {source}.{name}"
            if source in CLI or (source == "engine" and name in {"cli", "__version__"}):
                assert name_of(module) == "launch/commands.py"
                continue
            assert name in engine.__all__, where
            home = engine._MODULES[name]
            assert source in ("engine", f"engine.{home}"), where


def test_a_console_is_opened_before_textual_the_engine_or_the_command_line_is_loaded() -> None:
    code = "import console.launch.cli, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "console.launch.launch" in loaded
    assert not loaded & {"textual", "typer", "pydantic", "structlog", "engine.settings"}


def test_the_first_screen_is_there_before_the_engine_is_loaded() -> None:
    code = "import console.app.ledger_app, console.screens.watch.watch, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "textual" in loaded
    assert not loaded & {"structlog", "aiosqlite", "engine.engine", "engine.settings"}


@of_each_wing
def test_nothing_is_given_to_a_widget_as_markup(wing: str) -> None:
    """Text in widgets goes through lines of tones; what is not drawn so is a constant."""
    for node in (node for module in WINGS[wing] for node in nodes(module)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        assert name not in {"from_markup", "Static", "Label", "DataTable"}, ast.unparse(node)
        if name == "notify":
            markup = [keyword.value for keyword in node.keywords if keyword.arg == "markup"]
            off = [getattr(value, "value", None) for value in markup] == [False]
            assert off, ast.unparse(node)


@of_each_wing
def test_textuals_insides_are_touched_in_one_module(wing: str) -> None:
    for module in WINGS[wing]:
        touched = {node.attr for node in nodes(module) if isinstance(node, ast.Attribute)}
        touched |= {node.name for node in nodes(module) if isinstance(node, ast.FunctionDef)}
        touched &= INSIDES
        internals = name_of(module) == "kit/textual_internals.py"
        assert bool(touched) == internals, f"{name_of(module)}: {touched}"


def test_every_stylesheet_is_of_the_name_of_its_screen() -> None:
    screens = {path.stem for path in MODULES}
    named = {path.stem for path in STYLES.glob("*.tcss")} - {"app"}
    assert named <= screens
    assert {"watch", "cycles", "xray", "tables", "health"} <= named


@pytest.mark.parametrize("path", sorted(STYLES.glob("*.tcss")), ids=lambda path: path.stem)
def test_a_screens_style_is_for_that_screen_alone(path: Path) -> None:
    """Textual keeps the stylesheet of a screen that was seen for all others."""
    if path.stem == "app":
        return
    text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    depth, outer = 0, ""
    for character in text:
        if character == "{":
            if not depth:
                for selector in outer.split(","):
                    assert re.match(r"\s*[A-Z]\w*(Screen|Dialog|Picker|Detail)\b", selector), (
                        selector
                    )
                outer = ""
            depth += 1
        elif character == "}":
            depth -= 1
        elif not depth:
            outer += character
