"""An anchor file: outside the ledger, a line for each commit, so that nobody can build the chain of
hashes anew unseen.

    2026-01-01T00:00:00.000Z ab12-1767225600000 17 HASH CHECKSUM
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from engine.clock import iso

HEADER = "# cycledeck anchors: a line a commit, only ever added to\n"
# No line of it is longer.
LONGEST = 256
_LINE = re.compile(r"(\S+Z) (\S+) (\d{1,18}) ([0-9a-f]{64}) ([0-9a-f]{8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A commit's hash at a time; `ledger` names the ledger by its id and when it was made."""

    time: str
    ledger: str
    commit_seq: int
    hash: str

    @classmethod
    def of(cls, ledger: str, commit_seq: int, committed_ms: int, commit_hash: bytes) -> "Anchor":
        return cls(iso(committed_ms), ledger, commit_seq, commit_hash.hex())

    @classmethod
    def read(cls, line: str) -> "Anchor | None":
        """Null for a line that is damaged, or cut short."""
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        anchor = cls(match[1], match[2], int(match[3]), match[4])
        return anchor if anchor.line == f"{line}\n" else None

    @property
    def line(self) -> str:
        text = f"{self.time} {self.ledger} {self.commit_seq} {self.hash}"
        return f"{text} {crc32(text.encode()):08x}\n"


def name_of(identity: Mapping[str, str]) -> str:
    """The ledger's name in anchors, from the rows of its identity."""
    return f"{identity.get('ledger_id', '?')}-{identity.get('created_ms', '?')}"
