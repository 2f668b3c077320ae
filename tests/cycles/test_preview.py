"""A preview tells exactly what a replay then does, and leaves no trace."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, NoSuchCycle, Preview, Settings, Verdict
from engine.cycles.results import CycleResult
from engine.errors import LeaseLost
from engine.ledger.positions import CHECKPOINT_EVENTS
from engine.ledger.quarantine_decisions import quarantined
from engine.store.store import Store
from engine.store.tx import Tx
from tests.attaching import Gated
from tests.builders import (
    BTC,
    ETH,
    OpenLedger,
    fee,
    opened,
    reported,
    resolve,
    rows,
    settings_in,
    verified,
)
from tests.cases import mostly_long
from tests.fakes import FakeVenue

Damage = Callable[[OpenLedger], Any]

UNREADABLE = reported("9", amount="1e400", ts=2_500)


def venue() -> FakeVenue:
    many = [
        reported(str(n), "buy" if n % 3 else "sell", "0.7", str(100 + n), 1_000 + n)
        for n in range(100, 100 + CHECKPOINT_EVENTS + 10)
    ]
    return FakeVenue(
        [
            *many,
            reported("1", ts=1_000, fees=[fee("1")]),
            reported("2", "sell", "0.5", "120", 2_000, fees=[fee("0.1", "BNB")]),
            reported("3", ts=1_500, symbol=ETH),
        ],
        marks={BTC: "100"},
    )


def lose_early_fill(ledger: OpenLedger) -> None:
    """Before a checkpoint: recovering it folds the market anew."""
    ledger.execute("DELETE FROM ledger_events WHERE event_id IN ('fill:1', 'fee:1')")
    ledger.execute("DELETE FROM applied_fills WHERE fill_id = '1'")


def lose_last_fill(ledger: OpenLedger) -> None:
    ledger.execute("DELETE FROM ledger_events WHERE event_id = 'fill:3'")
    ledger.execute("DELETE FROM applied_fills WHERE fill_id = '3'")


def contradict(ledger: OpenLedger) -> None:
    ledger.execute("UPDATE ledger_events SET price = '7', hash = x'07' WHERE event_id = 'fill:2'")


def turn_cursor_back(ledger: OpenLedger) -> None:
    ledger.execute("UPDATE cursors SET value_ms = 1100 WHERE key LIKE '%BTC%'")


def forget_market(ledger: OpenLedger) -> None:
    ledger.execute("DELETE FROM cursors WHERE key LIKE '%ETH%'")


def correct(ledger: OpenLedger) -> None:
    for item in quarantined(ledger):
        if item.status != "open":
            continue
        text = '{"id": "9", "symbol": "BTC/USDT", "side": "buy", "amount": "2", "price": "5",'
        text += ' "timestamp": 1690000002500, "fees": [{"cost": "0", "currency": "USDT"}]}'
        resolve(ledger, item.id, text)


def forget_quarantine(ledger: OpenLedger) -> None:
    """A replay would quarantine the item again, and hold the cursor."""
    ledger.execute("DELETE FROM quarantine")
    turn_cursor_back(ledger)


DAMAGES: list[Damage] = [
    lambda ledger: None, lose_early_fill, lose_last_fill, contradict, turn_cursor_back,
    forget_market, correct, forget_quarantine,
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def change(settings: Settings, damage: Damage) -> None:
    with opened(settings.db) as ledger:
        damage(ledger)


def dump(settings: Settings) -> list[Any]:
    """Every row of every table but the lease, whose heart beats; and the size of it all."""
    with opened(settings.db) as ledger:
        names = rows(ledger, "SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name: rows(ledger, f"SELECT * FROM {name}") for name in names if name != "lease"}
        return [tables, rows(ledger, "PRAGMA page_count"), rows(ledger, "PRAGMA freelist_count")]


def told(found: Preview | CycleResult) -> dict[str, Any]:
    """What a preview and a replay both say."""
    if isinstance(found, Preview):
        counts = (found.attempted, found.inserted, found.ignored, found.conflicting)
        positions, digest = found.positions_after, found.digest_after
    else:
        counts = (
            found.ledger_events_attempted,
            found.ledger_events_inserted,
            found.ledger_events_ignored,
            found.ledger_events_conflicting,
        )
        assert found.positions_digest is not None
        positions, digest = found.positions, found.positions_digest
    return {"counts": counts, "cursors": found.cursors, "positions": positions, "digest": digest}


@mostly_long("unreadable", [True, False])
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_preview_tells_what_the_replay_then_does(
    settings: Settings, damage: Damage, unreadable: bool
) -> None:
    exchange = venue()
    if unreadable:
        exchange.reports.append(UNREADABLE)
    async with Engine(settings, venue=exchange) as engine:
        await engine.cycle()
        change(settings, damage)
        await engine.cycle()
        change(settings, damage)
        before = dump(settings)
        for cycle_id in (1, 2):
            previewed = await engine.preview(cycle_id)
            assert dump(settings) == before
            assert previewed.cycle_id == cycle_id
            replayed = await engine.replay(cycle_id)
            assert told(previewed) == told(replayed)
            changed = previewed.digest_after != previewed.digest_before or previewed.inserted
            assert (replayed.verdict is Verdict.RECOVERED) == (
                bool(changed) and not previewed.conflicting
            )
            before = dump(settings)


async def test_a_preview_shows_the_positions_as_they_are_and_as_they_would_be(
    settings: Settings,
) -> None:
    async with Engine(settings, venue=venue()) as engine:
        (first,) = [await engine.cycle()]
        change(settings, lambda c: c.execute("UPDATE stage4_positions SET qty = '99'"))
        change(settings, lose_early_fill)
        previewed = await engine.preview(1)
    assert {view.qty for view in previewed.positions_before.values()} == {"99"}
    assert previewed.positions_after[BTC].qty == first.positions[BTC].qty
    assert previewed.inserted == 2
    assert previewed.digest_before != previewed.digest_after


async def test_a_preview_of_a_replay_is_one_of_what_was_replayed(settings: Settings) -> None:
    async with Engine(settings, venue=venue()) as engine:
        await engine.cycle()
        again = await engine.replay(1)
        previewed = await engine.preview(again.cycle_id)
    assert previewed.cycle_id == again.cycle_id == 2
    assert previewed.attempted == again.ledger_events_attempted


async def test_what_a_failed_commit_left_out_is_previewed_from_its_inputs(
    settings: Settings,
) -> None:
    async with Engine(settings, venue=venue()) as engine:
        change(settings, lambda c: c.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON applied_fills "
            "BEGIN SELECT raise(ABORT, 'disk full'); END"))  # fmt: skip
        failed = await engine.cycle()
        change(settings, lambda c: c.execute("DROP TRIGGER broken"))
        previewed = await engine.preview(failed.cycle_id)
        assert previewed.positions_before == {}
        assert previewed.cursors[f"fills_cursor:{ETH}"].before is None
        assert told(previewed) == told(await engine.replay(failed.cycle_id))
    assert verified(settings.db).violations == ()


@pytest.mark.parametrize("cycle", [0, 99])
async def test_a_cycle_that_does_not_exist_is_named(settings: Settings, cycle: int) -> None:
    async with Engine(settings, venue=venue()) as engine:
        with pytest.raises(NoSuchCycle, match=f"cycle {cycle} does not exist"):
            await engine.preview(cycle)


async def test_a_preview_never_runs_beside_a_cycle(settings: Settings) -> None:
    exchange = Gated()
    async with Engine(settings, venue=exchange) as engine:
        await engine.cycle()
        exchange.reports.append(reported("2", ts=2_000))
        exchange.shut()
        cycle = asyncio.create_task(engine.cycle())
        await exchange.begun.wait()
        previewing = asyncio.create_task(engine.preview(1))
        await asyncio.sleep(0.01)
        assert not previewing.done()
        exchange.gate.set()
        second = await cycle
        assert (await previewing).digest_before == second.positions_digest


async def test_an_engine_that_lost_its_lease_previews_nothing(settings: Settings) -> None:
    async with Engine(settings, venue=venue()) as engine:
        await engine.cycle()
        change(settings, lambda c: c.execute("UPDATE lease SET epoch = epoch + 1"))
        with pytest.raises(LeaseLost):
            await engine.preview(1)


async def test_cycles_go_on_as_if_nothing_had_been_previewed(settings: Settings) -> None:
    exchange = venue()
    async with Engine(settings, venue=exchange) as engine:
        await engine.cycle()
        change(settings, lose_last_fill)
        await engine.preview(1)
        exchange.reports.append(reported("4", ts=3_000))
        result = await engine.cycle()
    assert (result.cycle_id, result.commit_seq) == (2, 2)
    assert result.fills_count == 2


# --- the store's part


async def test_the_store_rolls_a_preview_back_whether_it_returns_or_raises(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.db")

    def add(tx: Tx) -> int:
        tx.rows("claim_fills", fill_ids='["1"]', cycle_id=1)
        return tx.count("applied_fills")

    def fail(tx: Tx) -> None:
        add(tx)
        raise ValueError("no")

    try:
        assert await store.preview(add) == 1
        with pytest.raises(ValueError, match="no"):
            await store.preview(fail)
        with opened(store.path) as other:
            assert rows(other, "SELECT count(*) FROM applied_fills") == [0]
            other.execute("BEGIN IMMEDIATE")  # Nothing holds the write lock any more.
            other.execute("ROLLBACK")
        assert await store.write(add) == 1
    finally:
        await store.close()
