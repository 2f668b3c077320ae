"""What a power cut leaves of a ledger, rebuilt from the file operations of its engine.

What was synced is there. Of what was written since, any part may be, in sectors of 512 bytes; of
names that were given and taken since the folder was synced, the first so many.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

WRITING = Path(__file__).with_name("writing.py")
SECTOR = 512
LEDGER = "ledger.db"
FILES = (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-journal")
NOTES = "notes"
CALLS = (
    "openat,write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,fsync,fdatasync,"
    "unlink,unlinkat,rename,renameat,renameat2"
)

_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (\S+).*")
_UNFINISHED = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)")
_OF_FILE = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Operation:
    """A file operation that was done: `begun` operations were done before it began."""

    call: str
    path: Path
    begun: int
    data: bytes = b""
    offset: int = 0


class Unexpected(Exception):
    """A file operation that the rebuilding of images does not know."""


def record(folder: Path, log: Path) -> None:
    """Let an engine go through its story in `folder`, and write what it does to its files."""
    names = (*FILES, NOTES)
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-o", str(log)),
            *("-e", f"trace={CALLS}", "-e", "signal=none"),
            *(part for name in names for part in ("-P", str(folder / name))),
            *("-P", str(folder)),
            *(sys.executable, str(WRITING), str(folder), str(folder / NOTES)),
        ],
        capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip


def operations(log: Path) -> list[Operation]:
    """What was done, in the order in which it was done."""
    done: list[Operation] = []
    begun: dict[str, tuple[str, str, int]] = {}
    for line in log.read_text().splitlines():
        if match := _UNFINISHED.fullmatch(line):
            begun[match[1]] = (match[2], match[3], len(done))
            continue
        if match := _RESUMED.fullmatch(line):
            call, arguments, before = begun.pop(match[1])
            whole = _LINE.fullmatch(f"{match[1]} {call}({arguments}{match[3]}")
        else:
            before, whole = len(done), _LINE.fullmatch(line)
        if whole is None:
            raise Unexpected(line[:200])
        if whole[4].startswith("-"):
            continue  # It failed, and changed nothing.
        operation = _operation(whole[2], whole[3], whole[4], before)
        if operation is not None:
            done.append(operation)
    return done


def _operation(call: str, arguments: str, returned: str, begun: int) -> Operation | None:
    texts = [_bytes(text) for text in _TEXT.findall(arguments)]
    if call == "openat":
        if "O_TRUNC" in arguments:
            raise Unexpected(arguments[:200])
        if "O_CREAT" not in arguments:
            return None
        return Operation("create", Path(texts[0].decode()), begun)
    if call in ("unlink", "unlinkat"):
        return Operation("remove", Path(texts[0].decode()), begun)
    file = _OF_FILE.match(arguments)
    if file is None:
        raise Unexpected(f"{call}({arguments[:200]}")
    path = Path(_bytes(file[1]).decode())
    if call in ("fsync", "fdatasync"):
        return Operation("sync", path, begun)
    if call == "ftruncate":
        return Operation("cut", path, begun, offset=int(arguments.rpartition(", ")[2]))
    if call == "pwrite64":
        data = texts[0][: int(returned)]
        return Operation("write", path, begun, data, int(arguments.rpartition(", ")[2]))
    if call == "write" and path.name == NOTES:
        return Operation("note", path, begun, texts[0])
    raise Unexpected(f"{call}({arguments[:200]}")


def _bytes(shown: str) -> bytes:
    return bytes.fromhex(shown.replace("\\x", ""))


@dataclass
class File:
    """A file on a disk: what is there for good, and what was done to it since."""

    content: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, Operation]] = field(default_factory=list)

    def sync(self, begun: int) -> None:
        for number, operation in self.since:
            if number < begun:
                apply(self.content, operation)
        self.since = [(number, operation) for number, operation in self.since if number >= begun]


Chosen = Callable[[int], bool]
# What is there of the operations since the last sync: a fate for each, and for each its sectors.
Fate = Callable[[Operation], Chosen]


def apply(content: bytearray, operation: Operation, sectors: Chosen = lambda number: True) -> None:
    if operation.call == "cut":
        if sectors(0):
            del content[operation.offset :]
            content.extend(bytes(operation.offset - len(content)))
        return
    start, end = operation.offset, operation.offset + len(operation.data)
    while start < end:
        number = start // SECTOR
        stop = min(end, (number + 1) * SECTOR)
        if sectors(number):
            content.extend(bytes(max(0, start - len(content))))
            content[start:stop] = operation.data[start - operation.offset : stop - operation.offset]
        start = stop


def everything(operation: Operation) -> Chosen:
    return lambda sector: True


def nothing(operation: Operation) -> Chosen:
    return lambda sector: False


def some_operations(random: Random) -> Fate:
    """Each is there as a whole, or not at all."""

    def fate(operation: Operation) -> Chosen:
        there = random.random() < 0.5
        return lambda sector: there

    return fate


def some_sectors(random: Random) -> Fate:
    """Writes are torn, some of them."""

    def fate(operation: Operation) -> Chosen:
        share = random.choice([0, 0.5, 0.9, 1])
        return lambda sector: random.random() < share

    return fate


class Disk:
    """A folder's files as far as operations were done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.noted: list[int] = []
        self._done = 0
        self._files: dict[str, File] = {}  # By name, as processes see them.
        self._named: dict[str, File] = {}  # As the folder has them for good,
        self._since: list[tuple[int, str, File | None]] = []  # and what was done to it since.

    def do(self, operation: Operation) -> None:
        name, number = operation.path.name, self._done
        self._done += 1
        if operation.call == "note":
            self.noted.append(int(operation.data))
        elif operation.call == "sync" and operation.path == self.folder:
            for at, entry, file in self._since:
                if at < operation.begun:
                    self._name(self._named, entry, file)
            self._since = [entry for entry in self._since if entry[0] >= operation.begun]
        elif name not in FILES:
            return
        elif operation.call == "create":
            if name not in self._files:
                self._files[name] = File()
                self._since.append((number, name, self._files[name]))
        elif operation.call == "remove":
            del self._files[name]
            self._since.append((number, name, None))
        elif operation.call == "sync":
            self._files[name].sync(operation.begun)
        else:
            self._files[name].since.append((number, operation))

    @staticmethod
    def _name(names: dict[str, File], name: str, file: File | None) -> None:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file

    def image(self, fate: Fate, names: float) -> dict[str, bytes]:
        """What is found after a cut now: such a part of the names given since, and of what was
        written since what `fate` says."""
        found = dict(self._named)
        for _, name, file in self._since[: round(names * len(self._since))]:
            self._name(found, name, file)
        image = {}
        for name, file in found.items():
            content = bytearray(file.content)
            for _, operation in file.since:
                apply(content, operation, fate(operation))
            image[name] = bytes(content)
        return image


@dataclass(frozen=True)
class Cut:
    """A power cut: after how many operations, and what it left."""

    after: int
    kind: str
    noted: int
    image: dict[str, bytes]

    def __str__(self) -> str:
        return f"cut after {self.after} operations, {self.kind}"


def cuts(
    folder: Path, done: list[Operation], at: Container[int], seeds: range = range(0)
) -> Iterator[Cut]:
    """All and nothing of what was not synced at each of these points, and a random part of it, in
    whole operations and in sectors, for each seed. What was left twice comes once."""
    disk, seen = Disk(folder), set[tuple[int, frozenset[tuple[str, bytes]]]]()
    for after, operation in enumerate(done, 1):
        disk.do(operation)
        if after not in at:
            continue
        kinds: list[tuple[str, Fate, float]] = [("all", everything, 1), ("nothing", nothing, 0)]
        for seed in seeds:
            random = Random(f"{seed} {after}")
            kinds += [
                (f"some operations, seed {seed}", some_operations(random), random.random()),
                (f"some sectors, seed {seed}", some_sectors(random), random.random()),
            ]
        for kind, fate, names in kinds:
            image = disk.image(fate, names)
            noted = max(disk.noted, default=0)
            key = (noted, frozenset(image.items()))
            if key not in seen:
                seen.add(key)
                yield Cut(after, kind, noted, image)
