from pathlib import Path

import pytest

from engine.store.store import Store
from tests.builders import rows


@pytest.mark.parametrize(("checkpoints", "automatic"), [(True, [1_000, 0]), (False, [0, 0])])
async def test_only_an_engine_checkpoints_and_on_one_connection(
    tmp_path: Path, checkpoints: bool, automatic: list[int]
) -> None:
    store = await Store.open(tmp_path / "ledger.db", checkpoints=checkpoints)
    try:
        found = [
            await write(lambda tx: rows(tx, "PRAGMA wal_autocheckpoint")[0])
            for write in (store.write, store.write_metrics)
        ]
    finally:
        await store.close()
    assert found == automatic
