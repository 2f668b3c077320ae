"""Who may import what, and where SQL stands."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from tests.modules import by_wing, nodes

ROOT = Path(engine.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

_STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|WITH|REPLACE|PRAGMA|ATTACH|BEGIN|COMMIT"
    r"|ROLLBACK|SAVEPOINT|VACUUM)\b[ _A-Z]",
)

# What opens, ends or describes a connection, and what has to know a table's name at run time.
ALLOWED = {
    "store/connection.py": {"PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"},
    "store/migrate.py": {"SELECT", "CREATE", "INSERT", "BEGIN", "COMMIT", "ROLLBACK"},
    "venues/sim/file.py": {"PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"},
    "store/scratch.py": {"BEGIN"},
    "store/tx.py": {"SELECT"},
}


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


WINGS = by_wing(ROOT, MODULES)
of_each_wing = pytest.mark.parametrize("wing", WINGS)


def imports(module: Path) -> Iterator[str]:
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def texts(module: Path) -> Iterator[str]:
    """Every string in the module but its docstrings."""
    alone = {id(node.value) for node in nodes(module) if isinstance(node, ast.Expr)}
    for node in nodes(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after `statement`."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(ran.stdout)}


def test_the_engine_loads_neither_textual_nor_the_console() -> None:
    loaded = loaded_by(
        "import engine.engine, engine.control.server, engine.control.client, engine.cli.commands"
    )
    assert {"engine", "aiosqlite", "rich"} <= loaded
    assert not loaded & {"textual", "console"}


@of_each_wing
def test_no_module_of_the_engine_names_the_console_or_a_terminal_library(wing: str) -> None:
    for module in WINGS[wing]:
        named = {name.partition(".")[0] for name in imports(module)}
        assert not named & {"textual", "console"}, name_of(module)
        if wing != "cli":
            assert not named & {"rich", "typer", "click"}, name_of(module)
            of_cli = [name for name in imports(module) if f"{name}.".startswith("engine.cli.")]
            assert not of_cli, name_of(module)


@of_each_wing
def test_sql_stands_in_sql_files(wing: str) -> None:
    for module in WINGS[wing]:
        found = {match[1] for text in texts(module) if (match := _STATEMENT.match(text + " "))}
        assert found <= ALLOWED.get(name_of(module), set()), name_of(module)


def test_only_the_store_and_the_simulated_exchange_name_the_database_driver() -> None:
    users = {name_of(m) for m in MODULES if {"sqlite3", "aiosqlite"} & set(imports(m))}
    assert {name for name in users if not name.startswith("store/")} == {"venues/sim/file.py"}


def test_the_exceptions_are_still_needed() -> None:
    assert all((ROOT / name).exists() for name in ALLOWED)


@pytest.mark.parametrize(
    "module",
    [
        "money",
        "ledger/fills",
        "ledger/events",
        "ledger/accounting",
        "trading/risk",
        "trading/strategies",
    ],
)
def test_what_is_pure_does_no_input_or_output(module: str) -> None:
    io = {"sqlite3", "asyncio", "aiosqlite", "pathlib", "os", "time", "structlog", "socket"}
    assert not {name.partition(".")[0] for name in imports(ROOT / f"{module}.py")} & io


def test_every_public_name_is_there_and_comes_from_where_it_is_said_to() -> None:
    assert sorted(engine.__all__) == engine.__all__
    assert sorted(engine._MODULES) == engine.__all__
    for name in engine.__all__:
        assert getattr(engine, name) is not None, name
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = engine.no_such_name


@pytest.mark.parametrize("name", engine._RENAMED)
def test_a_public_name_that_was_renamed_is_an_alias_and_warns(name: str) -> None:
    renamed = engine._RENAMED[name]
    with pytest.warns(DeprecationWarning, match=rf"engine\.{renamed} .* goes with 0\.4"):
        alias = getattr(engine, name)
    assert alias is getattr(engine, renamed)


def test_what_type_checkers_are_told_is_what_is_loaded() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    told = {
        alias.name: (node.module or "").removeprefix("engine.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine.")
        for alias in node.names
    }
    assert told == engine._MODULES


def test_naming_the_engine_loads_nothing_of_it() -> None:
    assert not loaded_by("import engine") & {"aiosqlite", "pydantic", "structlog"}


def test_the_package_is_marked_as_its_command_is() -> None:
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="cycledeck")
    assert script.value == "console.launch.cli:main"


def test_no_float_touches_money() -> None:
    """float() is called for display metrics and waiting times only."""
    users = set()
    for module in MODULES:
        for node in nodes(module):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float":
                users.add(name_of(module))
    assert users <= {"cycles/metrics.py"}
