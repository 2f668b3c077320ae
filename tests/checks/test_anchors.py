"""An anchor file outside the ledger: what the chain was, which nobody can take back."""

import asyncio
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine import Engine, Settings
from engine.checks.verify import read_head
from engine.cycles import anchoring
from engine.ledger import anchor_file
from engine.ledger.anchor import HEADER, Anchor
from tests.builders import Ran, cycledeck, cycles, opened, reported, rows, serve, settings_in
from tests.fakes import FakeVenue


@pytest.fixture
def anchored(tmp_path: Path) -> Settings:
    """A ledger of three commits, each with its anchor."""
    settings = settings_in(tmp_path, tmp_path / "fills.jsonl", anchor_file=tmp_path / "anchors")
    for number in range(1, 4):
        once(settings, number)
    return settings


def once(settings: Settings, fills: int, price: str = "100") -> None:
    """A cycle of an engine of its own, which is told of so many fills."""
    source = Path(settings.venue.partition(":")[2])
    serve(source, [reported(str(n), ts=1_000 * n, price=price) for n in range(1, fills + 1)])

    async def cycle() -> None:
        async with Engine(settings) as engine:
            assert (await engine.cycle()).committed

    asyncio.run(cycle())


def proven(settings: Settings) -> Ran:
    return cycledeck("verify", "--db", settings.db, "--anchor", settings.anchor_file)


def lines(settings: Settings) -> list[str]:
    assert settings.anchor_file is not None
    first, *rest = settings.anchor_file.read_text().splitlines(keepends=True)
    assert first == HEADER
    return rest


def test_each_commit_has_a_line_and_the_file_is_its_owners_alone(anchored: Settings) -> None:
    with opened(anchored.db) as ledger:
        commits = rows(ledger, "SELECT commit_seq, hex(hash) FROM ledger_commits")
        head = read_head(ledger)
    anchors = [Anchor.read(line[:-1]) for line in lines(anchored)]
    assert [(a.commit_seq, a.hash.upper()) for a in anchors if a] == commits
    assert anchors[-1] is not None
    assert head is not None
    assert anchors[-1].hash == head.hash
    assert anchored.anchor_file is not None
    assert stat.S_IMODE(anchored.anchor_file.stat().st_mode) == 0o600
    assert proven(anchored).code == 0


def test_a_chain_that_was_built_anew_is_told_with_the_commit_where_it_begins(
    anchored: Settings, tmp_path: Path
) -> None:
    """Everything in it is consistent, its identity is the same: only the past is another one."""
    with opened(anchored.db) as ledger:
        identity = rows(ledger, "SELECT key, value FROM ledger_identity")
    anchored.db.unlink()
    forged = anchored.model_copy(update={"anchor_file": None})
    asyncio.run(cycles(forged, 0))
    with opened(anchored.db) as ledger:
        ledger.executemany(
            "UPDATE ledger_identity SET value = ? WHERE key = ?",
            [(value, key) for key, value in identity],
        )
    for number in range(1, 5):
        once(forged, number, price="101")
    assert cycledeck("verify", "--db", anchored.db).code == 0
    ran = proven(anchored)
    assert ran.code == 1
    assert "anchor commit 1" in ran.out
    assert "The chain was built anew from there" in ran.out
    assert "the anchors go on" not in ran.out


def test_an_older_file_that_was_put_back_is_told_from_a_chain_built_anew(
    anchored: Settings, tmp_path: Path
) -> None:
    older = Path(shutil.copy(anchored.db, tmp_path / "older.db"))
    once(anchored, 4)
    shutil.copy(older, anchored.db)
    ran = proven(anchored)
    assert ran.code == 1
    assert "the anchors go on to commit 4" in ran.out
    assert "the ledger ends with 3: an older file was put back" in ran.out
    assert "built anew" not in ran.out
    with capture_logs() as logged:
        once(anchored, 5)
    assert "ledger_behind_its_anchors" in [entry["event"] for entry in logged]
    ran = proven(anchored)
    assert ran.code == 1
    assert "commit 4 has the hash" in ran.out
    assert "up to commit 3 all is as it was anchored" in ran.out


def test_anchors_of_another_ledger_are_told(anchored: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = settings_in(folder, folder / "fills.jsonl", anchor_file=folder / "anchors")
    once(other, 1)
    ran = cycledeck("verify", "--db", anchored.db, "--anchor", other.anchor_file)
    assert ran.code == 1
    assert "no line is of this ledger" in ran.out
    assert lines(other)[0].split()[1] in ran.out


def test_a_file_of_several_ledgers_proves_each(anchored: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = settings_in(folder, folder / "fills.jsonl", anchor_file=anchored.anchor_file)
    once(other, 1)
    assert proven(anchored).code == proven(other).code == 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage"])
def test_a_damaged_last_line_is_named_and_is_no_chain_built_anew(
    anchored: Settings, damage: str
) -> None:
    *before, last = lines(anchored)
    new = {"cut": last[:70], "flipped": last.replace("3 ", "2 ", 1), "garbage": "x" * 900 + "\n"}
    assert new[damage] != last
    assert anchored.anchor_file is not None
    anchored.anchor_file.write_text("".join([HEADER, *before, new[damage]]))
    ran = proven(anchored)
    assert ran.code == 1
    assert f"{anchored.anchor_file} line 4" in ran.out
    assert "damaged or cut short" in ran.out
    assert "built anew" not in ran.out
    once(anchored, 4)  # The next line vouches for all before it.
    assert proven(anchored).code == 0


def test_what_is_no_anchor_file_is_refused_by_name(anchored: Settings, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path, "is not a file"), (tmp_path / "pipe", "is not a file"),
                         (tmp_path / "none", "No such file")):  # fmt: skip
        ran = cycledeck("verify", "--db", anchored.db, "--anchor", path)
        assert (ran.code, ran.out) == (1, "")
        assert f"{path}" in ran.err
        assert reason in ran.err


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing", "fills", "ledger", "full"])
def test_an_anchor_that_cannot_be_added_costs_no_cycle_and_is_shown(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    fills = serve(tmp_path / "fills.jsonl", [reported("1")])
    path = {
        "folder": tmp_path,
        "pipe": tmp_path / "pipe",
        "missing": tmp_path / "none" / "anchors",
        "fills": fills,
        "ledger": tmp_path / "ledger.db",
        "full": Path("/dev/full"),
    }[kind]
    before = fills.read_bytes()
    where = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{fills}")
    monkeypatch.setenv("CYCLEDECK_ANCHOR_FILE", str(path))
    ran = cycledeck("run", "--json", "--cycles", 3, "--interval", "20ms", *where)
    assert ran.code == 0
    assert "anchor_not_written" in ran.err
    last = ran.lines[-1]
    assert last["status"] == "ok"
    assert "anchor_not_written" in [warning["type"] for warning in last["warnings"]]
    assert fills.read_bytes() == before
    assert cycledeck("verify", "--db", tmp_path / "ledger.db").code == 0


def test_what_could_not_be_added_is_caught_up_with_at_the_next_start(
    anchored: Settings, tmp_path: Path
) -> None:
    aside = anchored.model_copy(update={"anchor_file": tmp_path / "none" / "anchors"})
    for number in (4, 5):
        once(aside, number)
    assert len(lines(anchored)) == 3
    once(anchored, 6)
    assert [line.split()[2] for line in lines(anchored)] == ["1", "2", "3", "4", "5", "6"]
    assert proven(anchored).code == 0


async def test_a_disk_that_hangs_holds_up_no_cycle_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread is held up by it, and no second one is begun."""
    hung, begun = threading.Event(), []

    def hang(*arguments: object) -> None:
        begun.append(arguments)
        hung.wait(60)

    monkeypatch.setattr(anchor_file, "add", hang)
    monkeypatch.setattr(anchoring, "PATIENCE_S", 0.05)
    monkeypatch.setattr(anchoring, "CLOSING_S", 0.05)
    venue = FakeVenue([reported("1")])
    settings = settings_in(tmp_path, anchor_file=tmp_path / "anchors")
    async with Engine(settings, venue=venue) as engine:
        result = await engine.cycle()
        while "anchor_not_written" not in [warning.type for warning in result.warnings]:
            result = await engine.cycle()
            assert result.committed
    assert len(begun) == 1
    hung.set()
