"""The wheel, in an empty environment outside the checkout: what a user has who installs it."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, environment

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("installed")
    options = ["-q", "--no-deps", "-w", str(folder / "wheel")]
    build = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = (folder / "wheel").glob("cycledeck-*.whl")
    venv.create(folder / "env", with_pip=True)
    python = str(folder / "env" / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", str(wheel)]
    subprocess.run(install, check=True)
    return str(folder / "env" / "bin" / "cycledeck")


def test_the_installed_console_opens_and_its_engine_runs_cycles(program: str, home: Path) -> None:
    with Terminal("--db", "l.db", "--interval", "50ms", home=home, command=(program,)) as terminal:
        terminal.until_seen("ledger dedupe", "cursors", "BTC/USDT", "TX 1")
        terminal.press("q")
        assert terminal.ended() == 0


def test_the_installed_browser_opens_a_ledger_that_the_installed_engine_wrote(
    program: str, home: Path
) -> None:
    once = [program, "once", "--db", str(home / "l.db")]
    subprocess.run(once, cwd=home, env=environment(home), check=True, capture_output=True)
    with Terminal("browse", "l.db", home=home, command=(program,)) as terminal:
        terminal.until_seen("browse", "ledger_events", "stage4_positions")
        terminal.press("q")
        assert terminal.ended() == 0
