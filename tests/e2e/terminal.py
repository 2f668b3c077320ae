"""A terminal with the real program in it: a pty, keys sent, and what is seen on the screen.

with Terminal("--db", "l.db", home=tmp_path) as terminal:
    terminal.until_seen("running")
    terminal.press("t", "y")
    terminal.press("q")
    assert terminal.ended() == 0
"""

import fcntl
import os
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

DEADLINE_S = 60.0
POLL_S = 0.05
PROGRAM = Path(sys.executable).with_name("cycledeck")
ALTERNATE, PRIMARY = b"\x1b[?1049h", b"\x1b[?1049l"
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "backspace": "\x7f",
    "tab": "\t",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pagedown": "\x1b[6~",
    "f5": "\x1b[15~",
    "ctrl+c": "\x03",
    "ctrl+p": "\x10",
    "ctrl+q": "\x11",
    "ctrl+end": "\x1b[1;5F",
}


class Terminal:
    """Runs `command`, by default this project's program, with `arguments` and folders of its own
    below `home`. What is written is read at once; `raw` has every byte of it."""

    def __init__(
        self,
        *arguments: object,
        home: Path,
        size: tuple[int, int] = (120, 40),
        command: Sequence[str] = (str(PROGRAM),),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._read_chunks: list[tuple[float, bytes]] = []
        self._drawn = 0
        self._rows: list[str] = []
        self._code: int | None = None
        self._master, slave = os.openpty()
        self._closing = threading.Event()
        self._set_size(size)
        self.started = time.monotonic()
        self.pid = _spawn(
            [*command, *map(str, arguments)], home, environment(home) | dict(env or {}), slave
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(f"The terminal showed:\n{self.text}")
            if PRIMARY in self.raw:
                error.add_note(f"The program said at its end: {self.said!r}")
        self.close()

    # --- what is seen

    @property
    def rows(self) -> list[str]:
        """What is on the screen now, blanks at the ends of its rows removed."""
        if self._draw() or not self._rows:
            self._rows = [row.rstrip() for row in self._screen.display]
        return self._rows

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    @property
    def words(self) -> str:
        """What is on the screen, its words one blank apart."""
        return " ".join(self.text.split())

    @property
    def raw(self) -> bytes:
        """Every byte the program has written."""
        return b"".join(chunk for _, chunk in self._read_chunks)

    @property
    def chunks(self) -> Sequence[tuple[float, bytes]]:
        """The bytes as they came, each with its time by the monotonic clock."""
        return self._read_chunks

    @property
    def shown(self) -> bool:
        """The program has taken the screen and not given it back."""
        raw = self.raw
        return raw.rfind(ALTERNATE) > raw.rfind(PRIMARY)

    @property
    def said(self) -> str:
        """What was written after the screen was given back, or all where none was taken."""
        return self.raw.rpartition(PRIMARY)[2].decode("utf-8", "replace")

    # --- what is done

    def press(self, *keys: str) -> None:
        for key in keys:
            self.send(KEYS.get(key, key))

    def send(self, text: str | bytes) -> None:
        os.write(self._master, text.encode() if isinstance(text, str) else text)

    def resize(self, columns: int, rows: int) -> None:
        """The kernel tells the program, as it does when a window is resized."""
        self._draw()
        self._screen.resize(rows, columns)
        self._rows = []
        self._set_size((columns, rows))

    def hang_up(self) -> None:
        """Close the window, or lose the connection: the kernel tells the program."""
        if not self._closing.is_set():
            self._closing.set()
            self._reader.join()
            os.close(self._master)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    # --- waiting

    def until(self, condition: Callable[[], object], timeout: float = DEADLINE_S) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s"
            time.sleep(POLL_S)

    def until_seen(self, *texts: str, timeout: float = DEADLINE_S) -> None:
        """Wait until all of them are on the screen, whatever the blanks between words."""
        wanted = [" ".join(text.split()) for text in texts]
        self.until(lambda: all(text in self.words for text in wanted), timeout)

    def until_gone(self, text: str, timeout: float = DEADLINE_S) -> None:
        self.until(lambda: text not in self.words, timeout)

    def until_stopped(self, timeout: float = DEADLINE_S) -> None:
        """Wait until a signal has stopped the program."""
        self.until(lambda: os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG), timeout)

    def ended(self, timeout: float = DEADLINE_S) -> int:
        """Wait until the program has ended and all it wrote is read; its exit code, negative
        where a signal ended it."""
        self.until(lambda: self._poll() is not None, timeout)
        self._reader.join(timeout)
        assert self._code is not None
        return self._code

    @property
    def running(self) -> bool:
        return self._poll() is None

    def close(self) -> None:
        """End the program at once, if it has not ended."""
        if self._poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.ended()
        self.hang_up()

    # --- the pty

    def _read(self) -> None:
        while not self._closing.is_set():
            if not select.select([self._master], [], [], 0.05)[0]:
                continue
            try:
                chunk = os.read(self._master, 65_536)
            except OSError:
                return  # Nobody has the other end open any more.
            self._read_chunks.append((time.monotonic(), chunk))

    def _draw(self) -> bool:
        """Draw what was written since; returns whether anything was."""
        new = self._read_chunks[self._drawn :]
        for _, chunk in new:
            self._stream.feed(chunk)
        self._drawn += len(new)
        return bool(new)

    def _set_size(self, size: tuple[int, int]) -> None:
        columns, rows = size
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code


def environment(home: Path) -> dict[str, str]:
    """What a login shell gives a program, with folders below `home` and no settings."""
    folders = ("CONFIG", "DATA", "STATE", "CACHE")
    return {f"XDG_{folder}_HOME": str(home / folder.lower()) for folder in folders} | {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "TERM": "xterm-256color",
    }


def _spawn(command: Sequence[str], folder: Path, env: Mapping[str, str], slave: int) -> int:
    """The program in a session of its own; the terminal it opens first becomes the session's."""
    in_folder = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]
    return os.posix_spawn(
        in_folder[0],
        in_folder,
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.ttyname(slave), os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ],
        setsid=True,
    )
