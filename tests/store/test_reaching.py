"""What keeps from a ledger's file is an error of the store's own, which names it and says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, History
from engine.errors import StoreError
from engine.store.ledger_file import beside
from engine.store.store import Store, wal_bytes
from tests.builders import cycledeck, settings_in
from tests.denied import denied
from tests.fakes import FakeVenue


async def run_on(path: Path) -> None:
    async with Engine(settings_in(path.parent, db=path), venue=FakeVenue()):
        pass


OPEN = pytest.mark.parametrize("open_", [Store.open, History.open, run_on])
Open = Callable[[Path], Any]


@OPEN
async def test_a_folder_that_cannot_be_entered(tmp_path: Path, open_: Open) -> None:
    with denied(tmp_path) as closed, pytest.raises(StoreError) as caught:
        await open_(closed / "l.db")
    assert str(caught.value) == f"{closed}/l.db: Permission denied"


@OPEN
async def test_a_file_where_a_folder_should_be(tmp_path: Path, open_: Open) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=rf"^{tmp_path}/file/l\.db: Not a directory$"):
        await open_(tmp_path / "file" / "l.db")


@OPEN
async def test_a_name_too_long_for_any_file(tmp_path: Path, open_: Open) -> None:
    with pytest.raises(StoreError, match="nnn: File name too long"):
        await open_(tmp_path / ("n" * 300))


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"link/l\.db: no folder can be made for it: File exists"):
        await Store.open(tmp_path / "link" / "l.db")


@pytest.mark.parametrize("command", ["once", "run", "status", "verify"])
def test_the_command_line_says_so_and_exits_with_1(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    ran = cycledeck(command, "--db", tmp_path / "file" / "l.db")
    assert ran.code == 1
    assert "l.db: Not a directory" in ran.err
    assert ran.out.count("{") == 0


async def test_what_lies_beside_a_ledger_is_found_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to("l.db")
    assert beside(link, ".lock") == tmp_path / "l.db.lock"
    store = await Store.open(link)
    try:
        await store.write(lambda tx: tx.run("audit_interrupted"))
        assert wal_bytes(link) == (tmp_path / "l.db-wal").stat().st_size > 0
    finally:
        await store.close()
