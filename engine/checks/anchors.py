"""The chain against its anchors: a rebuilt chain, an older file, another ledger's anchors."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.checks.check import Violation
from engine.ledger import anchor_file
from engine.ledger.anchor import Anchor, name_of
from engine.ledger.identity import Identity
from engine.store.tx import Tx

TABLE = "anchor"
REBUILT = (
    "commit {seq} has the hash {actual}, at {time} it had {hash}; up to commit {same} all is as it "
    "was anchored. The chain was built anew from there, or an older file was put back and went on: "
    "compare with a backup of {time}. If that was you, begin a new anchor file"
)
OLDER = (
    "the anchors go on to commit {seq} of {time}, the ledger ends with {last}: an older file was "
    "put back, or its last commits were taken away. Put the newer file back; if there is none, the "
    "next cycles fetch what the venue still serves"
)
OTHER = (
    "no line is of this ledger ({ledger}); they are of {others}. Give the anchor file of this "
    "ledger, or the ledger of this anchor file"
)
MOST_DAMAGED = 100
DAMAGED = "a line that is damaged or cut short, and no later one vouches for the ledger"


@dataclass(slots=True)
class Anchored:
    """A file's anchors against the chain. `matching` is the last commit that is as anchored;
    `damaged` are the numbers of lines that are none."""

    ledger: str
    lines: int = 0
    matching: int = 0
    damaged: list[int] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    changed: tuple[Anchor, str] | None = None
    furthest: Anchor | None = None


def compare(tx: Tx, path: Path) -> tuple[int, list[Violation]]:
    """The number of the file's lines, and those that contradict the chain. Raises `AnchorError`."""
    anchored = Anchored(name_of(Identity.stored(tx)))
    for number, anchor in anchor_file.lines(path):
        _take(tx, anchored, number, anchor)
    last: int = tx.value("commit_last") or 0
    return anchored.lines, list(_violations(anchored, path, last))


def _take(tx: Tx, anchored: Anchored, number: int, anchor: Anchor | None) -> None:
    anchored.lines += 1
    if anchor is None:
        anchored.damaged += [number] * (len(anchored.damaged) < MOST_DAMAGED)
    elif anchor.ledger != anchored.ledger:
        anchored.others.add(anchor.ledger)
    elif (actual := tx.value("hash_of_commit", commit_seq=anchor.commit_seq)) is None:
        if anchored.furthest is None or anchor.commit_seq > anchored.furthest.commit_seq:
            anchored.furthest = anchor
    elif actual.hex() == anchor.hash:
        anchored.matching = max(anchored.matching, anchor.commit_seq)
        anchored.damaged.clear()  # It vouches for all before it.
    elif anchored.changed is None or anchor.commit_seq < anchored.changed[0].commit_seq:
        anchored.changed = anchor, actual.hex()


def _violations(anchored: Anchored, path: Path, last: int) -> Iterator[Violation]:
    for number in anchored.damaged:
        yield Violation.of(TABLE, f"{path} line {number}", "an anchor", DAMAGED)
    if anchored.changed is not None:
        anchor, actual = anchored.changed
        message = REBUILT.format(
            seq=anchor.commit_seq, actual=actual, time=anchor.time, hash=anchor.hash,
            same=min(anchored.matching, anchor.commit_seq - 1),
        )  # fmt: skip
        yield Violation.of(TABLE, f"commit {anchor.commit_seq}", anchor.hash, message)
    if anchored.furthest is not None:
        anchor = anchored.furthest
        message = OLDER.format(seq=anchor.commit_seq, time=anchor.time, last=last)
        yield Violation.of(TABLE, f"commit {anchor.commit_seq}", anchor.hash, message)
    if not (anchored.matching or anchored.changed or anchored.furthest):
        others = ", ".join(sorted(anchored.others)) or "none"
        message = OTHER.format(ledger=anchored.ledger, others=others)
        yield Violation.of(TABLE, path, f"anchors of {anchored.ledger}", message)
