"""The engine as this console's own child: started, watched, and ended cleanly."""

import os
import subprocess
import tempfile
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import platformdirs

from console.kit.private_files import make_folder, private
from console.kit.subprocesses import environment

LAST_OUTPUT_BYTES = 4_096

# How long an engine may take to end before the operator reads of it, and, once it has to hurry,
# until it is killed: which it survives by design, but none of that happens to one that answers.
QUIET_S, HURRIED_S = 1.0, 10.0


class EngineProcess:
    """An engine process. It is in a session of its own: a ctrl-c here is not meant for it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Raises `OSError` where the process cannot be started."""
        self._log = _log_file()
        weakref.finalize(self, self._log.close)
        self._process = subprocess.Popen(  # noqa: S603 - this program's own engine
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Null while it runs; negative where a signal ended it."""
        return self._process.poll()

    def last_output(self) -> str:
        """The end of its standard error."""
        size = os.fstat(self._log.fileno()).st_size
        start = max(0, size - LAST_OUTPUT_BYTES)
        output = os.pread(self._log.fileno(), LAST_OUTPUT_BYTES, start)
        return output.decode("utf-8", "replace").strip()

    def end(self, patience_s: float = 30.0, slow: Callable[[], object] = lambda: None) -> int:
        """End it after its running cycle; returns its exit code.

        Where the cycle takes a while, `slow` is called. After `patience_s` it is cancelled, and
        then the process killed. A ctrl-c goes on to the next of these at once.
        """
        self._process.terminate()
        steps = (
            (QUIET_S, slow),
            (patience_s, self._process.terminate),
            (HURRIED_S, self._process.kill),
        )
        for seconds, hurry in steps:
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                return self._process.wait(seconds)
            hurry()
        return self._process.wait()


def _log_file() -> BinaryIO:
    """A new file for each start, for an engine may outlive the console; the last one stays."""
    folder = Path(platformdirs.user_log_dir("cycledeck"))
    path = folder / "engine.log"
    try:
        make_folder(folder)
        with suppress(FileNotFoundError):
            path.replace(folder / "engine.log.1")
        return open(path, "x+b", opener=private)
    except OSError:
        return tempfile.TemporaryFile()
