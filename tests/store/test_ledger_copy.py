"""The copy of a ledger that is kept beside it before its first migration."""

import errno
import gzip
import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from engine.errors import LeaseHeld, StoreError, StoreFull
from engine.store import migrate
from engine.store.ledger_file import beside
from engine.store.lock_file import LockFile
from engine.store.store import Store
from tests.builders import opened, rows, verified
from tests.golden.golden_ledger import FOLDER

NEWEST = migrate.steps()[-1][0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


# What each schema of 0.1.0 added, undone.
UNDONE = {
    3: "ALTER TABLE quarantine DROP COLUMN resolved_cycle_id",
    2: "DROP INDEX cycles_replays",
}


@pytest.fixture(params=[1, 2, 3])
def schema(request: pytest.FixtureRequest, path: Path) -> int:
    """The schema of the ledger at `path`, which 0.1.0 wrote."""
    golden = FOLDER / "0.1.0" / "recorded-account" / "ledger.db.gz"
    path.write_bytes(gzip.decompress(golden.read_bytes()))
    version: int = request.param
    with opened(path) as connection:
        for later in range(3, version, -1):
            connection.execute(UNDONE[later])
            connection.execute("DELETE FROM schema_migrations WHERE version = ?", (later,))
        connection.execute("PRAGMA journal_mode = WAL")
    return version


async def upgrade(path: Path) -> None:
    await (await Store.open(path)).close()


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.bak*"))


def files(path: Path) -> dict[str, bytes]:
    """All but the lock, whose file stays where it is and says nothing."""
    others = (file for file in path.parent.iterdir() if file.suffix != ".lock")
    return {file.name: file.read_bytes() for file in others}


def content(path: Path) -> list[str]:
    with opened(path) as connection:
        return list(connection.iterdump())


def note(path: Path, text: str) -> None:
    """Something that an operator did."""
    with opened(path) as connection:
        connection.execute(
            "INSERT INTO audit (ts, actor, action, detail_json, outcome) "
            "VALUES (1, 'operator', ?, '{}', 'ok')",
            (text,),
        )


async def test_an_earlier_ledger_is_copied_beside_itself_and_then_migrated(
    path: Path, schema: int
) -> None:
    before = content(path)
    with capture_logs() as logs:
        await upgrade(path)
        await upgrade(path)
    [copy] = copies(path)
    assert copy.name == f"ledger.db.schema-{schema}.bak"
    assert content(copy) == before
    with opened(path) as connection:
        assert migrate.current(connection) == NEWEST
    assert verified(path).violations == ()
    assert [entry["event"] for entry in logs] == ["ledger_copied_before_migration"]


async def test_what_is_only_in_the_write_ahead_log_is_in_the_copy(path: Path, schema: int) -> None:
    with opened(path) as writer:
        assert "just now" not in rows(writer, "SELECT action FROM audit")
        note(path, "just now")
        assert beside(path, "-wal").stat().st_size
        await upgrade(path)
        with opened(copies(path)[0]) as copy:
            assert rows(copy, "SELECT action FROM audit")[-1] == "just now"


async def test_a_copy_is_as_private_as_its_ledger(path: Path, schema: int) -> None:
    path.chmod(0o600)
    await upgrade(path)
    assert stat.S_IMODE(copies(path)[0].stat().st_mode) == 0o600


async def test_without_room_for_a_copy_the_ledger_stays_as_it_is(
    path: Path, schema: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(path)
    usage = SimpleNamespace(free=path.stat().st_size)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(StoreFull, match=rf"schema {schema}.* {usage.free} are free.*Nothing was"):
        await Store.open(path)
    assert files(path) == before


@pytest.mark.parametrize("name", ["open", "fsync", "rename"])
@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, StoreFull), (errno.EIO, StoreError)])
async def test_a_copy_that_fails_leaves_the_ledger_as_it_is_and_nothing_beside_it(
    path: Path,
    schema: int,
    name: str,
    code: int,
    kind: type[StoreError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise OSError(code, os.strerror(code))

    before = files(path)
    with monkeypatch.context() as failing:
        failing.setattr(os, name, fail)
        with pytest.raises(StoreError, match=os.strerror(code)) as raised:
            await Store.open(path)
    assert type(raised.value) is kind
    assert files(path) == before
    await upgrade(path)
    assert len(copies(path)) == 1


async def test_what_a_killed_program_left_of_a_copy_is_made_anew(path: Path, schema: int) -> None:
    before = content(path)
    path.with_name(f"ledger.db.schema-{schema}.bak.part").write_bytes(path.read_bytes()[:5_000])
    await upgrade(path)
    [copy] = copies(path)
    assert content(copy) == before


async def test_a_copy_of_the_same_state_is_not_made_twice(path: Path, schema: int) -> None:
    earlier = path.read_bytes()
    await upgrade(path)
    before = files(path) | {path.name: earlier}
    path.write_bytes(earlier)
    await upgrade(path)
    assert {name: before[name] for name in before if ".bak" in name} == {
        copy.name: copy.read_bytes() for copy in copies(path)
    }


async def test_a_copy_of_another_state_is_kept_beside_the_new_one(path: Path, schema: int) -> None:
    earlier = path.read_bytes()
    await upgrade(path)
    [first] = copies(path)
    kept = first.read_bytes()
    path.write_bytes(earlier)
    note(path, "later")
    await upgrade(path)
    assert first.read_bytes() == kept
    second = path.with_name(f"ledger.db.schema-{schema}-1.bak")
    assert copies(path) == [second, first]
    with opened(second) as copy:
        assert rows(copy, "SELECT action FROM audit")[-1] == "later"


async def test_a_ledger_on_which_no_engine_has_run_is_not_copied(path: Path) -> None:
    await upgrade(path)
    steps = migrate.steps()[:1]
    other = path.with_name("other.db")
    with opened(other) as connection, pytest.MonkeyPatch.context() as earlier:
        earlier.setattr(migrate, "steps", lambda: steps)
        migrate.migrate(connection)
    await upgrade(other)
    assert copies(path) == []


async def test_an_earlier_ledger_that_an_engine_runs_on_is_left_as_it_is(
    path: Path, schema: int
) -> None:
    """The engine of the earlier program could not go on with it."""
    lock = LockFile(beside(path, ".lock"))
    assert lock.take()
    before = files(path)
    with pytest.raises(LeaseHeld, match=rf"an engine runs on .* schema {schema}.*Nothing was"):
        await Store.open(path)
    assert files(path) == before
    lock.release()
    await upgrade(path)
    assert len(copies(path)) == 1
