"""The engine as this console's own child: started, watched, and ended cleanly."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import platformdirs

# Its messages go to a file, for it may outlive the console; begun anew beyond this size.
LOG_BYTES = 5_000_000
LAST_WORDS = 4_096

# SIGTERM ends it after its running cycle. Once more cancels that cycle. Then it is killed, which
# it survives by design; but none of that happens to an engine that answers.
PATIENCE_S = (30.0, 10.0)


class Child:
    """An engine process. It is in a session of its own: a ctrl-c here is not meant for it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Raises `OSError` where the process cannot be started."""
        self.log = _log_file()
        self._words_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this program's own engine
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Null while it runs; negative where a signal ended it."""
        return self._process.poll()

    def last_words(self) -> str:
        """The end of what it wrote on standard error since it started."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._words_from, size - LAST_WORDS))
            return log.read().decode("utf-8", "replace").strip()

    def end(self) -> int:
        """End it after its running cycle; returns its exit code."""
        for patience in PATIENCE_S:
            if self.exit_code is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                return self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self._process.kill()
        return self._process.wait()


def _log_file() -> Path:
    folder = Path(platformdirs.user_log_dir("cycledeck"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "engine.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(folder / "engine.log.1")
    return path
