"""What all tests run under."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, is_hypothesis_test, settings
from structlog.dev import ConsoleRenderer, plain_traceback

from tests.schema_once import schema_made_once

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("quick", UNTIMED, max_examples=10)
settings.register_profile("deep", UNTIMED, max_examples=400)


def pytest_configure(config: pytest.Config) -> None:
    """Rules about any input are tried on few by default, on many with `-m long`."""
    settings.load_profile("deep" if config.option.markexpr == "long" else "quick")
    _programs_are_compiled_once()


def _programs_are_compiled_once() -> None:
    """Compiled modules are written, also where the environment says not to: each process that a
    test starts would compile the whole program anew, and each worker rewrite every assertion."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Rules about any input are long tests too, where these are asked for."""
    if config.option.markexpr == "long":
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker("long")


def pytest_collection_finish() -> None:
    """What has been imported by now stays, and is looked through for garbage no more."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as there are cores: much of the time real processes are waited for."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def _schema_is_made_once() -> Iterator[None]:
    with schema_made_once():
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests run in a folder of their own, without the machine's settings."""
    for name in list(os.environ):
        if name.startswith("CYCLEDECK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _logs_are_not_configured_by_engines() -> Iterator[None]:
    """What one test, or an engine in it, configures is not the next one's. Tracebacks are plain:
    to draw one takes as long as a hundred cycles."""
    structlog.reset_defaults()
    *before, _ = structlog.get_config()["processors"]
    plain = ConsoleRenderer(colors=False, exception_formatter=plain_traceback)
    structlog.configure(processors=[*before, plain])
    yield
    structlog.reset_defaults()
