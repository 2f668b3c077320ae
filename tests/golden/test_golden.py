"""What earlier programs wrote: each later one reads it to the last digit, and goes on with it.

A test that fails here tells of a ledger that an operator would lose: it is the program that is to
be mended, never what lies in this folder.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine.store.store import Store
from tests.builders import cycledeck
from tests.golden.golden_ledger import EXPECTED, FOLDER, books, figures, unpack, verdicts

GOLDEN = sorted(file.parent for file in FOLDER.glob(f"*/*/{EXPECTED}"))
KINDS = {
    "recorded-account", "recorded-market", "recorded-market-ids", "recorded-market-twins",
    "recorded-none", "recorded-none-alike", "sim",
}  # fmt: skip


@pytest.fixture(params=GOLDEN, ids=lambda golden: f"{golden.parent.name}-{golden.name}")
def expected(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """What is expected of a golden ledger, of which a copy lies in the test's folder."""
    unpack(request.param, tmp_path)
    return json.loads((tmp_path / EXPECTED).read_text("utf-8"))


def prove_books(expected: Any) -> None:
    """The positions are as they were, and are proven anew."""
    positions = cycledeck("status", "--json").json["positions"]
    assert figures(positions) == expected["books"]["positions"]
    verification = cycledeck("verify", "--json").json
    assert (verification["violations"], verification["ok"]) == ([], True)
    assert verification["metrics_missing"] == 0


def test_ledgers_of_the_first_program_are_kept_of_every_kind() -> None:
    assert {golden.name for golden in GOLDEN if golden.parent.name == "0.1.0"} == KINDS


def test_an_earlier_programs_ledger_is_opened_with_the_same_books_and_chain(expected: Any) -> None:
    assert books() == expected["books"]
    prove_books(expected)


@pytest.mark.parametrize("command", ["status", "verify", "head"])
def test_what_only_looks_says_who_brings_an_earlier_ledger_up_to_date(
    tmp_path: Path, command: str
) -> None:
    unpack(FOLDER / "0.1.0" / "recorded-account", tmp_path)
    ran = cycledeck(command)
    assert ran.code == 1
    assert "has schema 3, this program reads 9; nothing was changed. An engine of this" in ran.err
    assert cycledeck("export", "ledger_events").code == 0


def test_before_the_next_commit_the_status_is_what_that_commit_works_out(expected: Any) -> None:
    async def upgrade() -> None:
        await (await Store.open(Path("ledger.db"))).close()

    asyncio.run(upgrade())
    before = cycledeck("status", "--json").json
    assert cycledeck("once").code == 0
    after = cycledeck("status", "--json").json
    assert (before["positions"], before["balances"]) == (after["positions"], after["balances"])


def test_one_more_cycle_over_the_same_file_inserts_nothing(expected: Any) -> None:
    ran = cycledeck("once", "--json")
    assert (ran.code, ran.json["ledger_events_inserted"]) == (0, 0), ran
    prove_books(expected)


def test_the_cycle_after_the_upgrade_comes_out_as_it_did(expected: Any) -> None:
    cycle = cycledeck("once", "--json").json["cycle_id"]
    assert cycledeck("replay", cycle, "--rehearse", "--json").json["differences"] == []


def test_a_replay_of_each_cycle_has_the_verdict_it_always_had(expected: Any) -> None:
    cycle_ids = map(int, expected["verdicts"])
    assert asyncio.run(verdicts(cycle_ids)) == expected["verdicts"]
    prove_books(expected)


def test_an_earlier_programs_exchange_trades_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(FOLDER / "0.1.0" / "sim", tmp_path)
    monkeypatch.setenv("CYCLEDECK_SIM__STEP_MS", "30000")
    monkeypatch.setenv("CYCLEDECK_STRATEGY", "ladder")
    ran = cycledeck("run", "--cycles", "3", "--interval", "1ms", "--json")
    assert ran.code == 0
    assert sum(cycle["ledger_events_inserted"] for cycle in ran.lines) > 0
    assert cycledeck("verify").code == 0
