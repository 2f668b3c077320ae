"""Whole runs against the simulator at its worst: what the exchange did is what the books say."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine import CycleResult, CycleStatus, Engine, Kind, Settings
from engine.engine import make_venue
from tests.builders import adds_up, opened, rows, settings_in, verified
from tests.cases import mostly_long
from tests.exact import ExactPosition, exact_positions

MISCHIEF = {
    "duplicate": 0.3, "out_of_order": 0.5, "late": 0.3, "null_fee": 0.3, "late_by_ms": 3_000,
    "truncate": 0.1, "timeout": 0.05, "server_error": 0.05, "rate_limit": 0.05, "burst": 0.02,
}  # fmt: skip


def settings(folder: Path, mischief: dict[str, float], **more: Any) -> Settings:
    sim = {"mischief": mischief, "trade_ids": more.pop("trade_ids", "account")}
    return settings_in(folder, sim=sim, retry_attempts=20, retry_wait=0, **more)


async def exchange_fills(found: Settings) -> list[dict[str, Any]]:
    """Every fill the exchange knows of, each once."""
    venue = make_venue(found)
    await venue.open()
    items: dict[tuple[str, str], dict[str, Any]] = {}
    for symbol in await venue.fetch_symbols():
        async for page in venue.fetch_fills(symbol, 0):
            for item in map(json.loads, page.items):
                items[symbol, item["id"]] = item
    await venue.close()
    return list(items.values())


def check(result: CycleResult, items: list[dict[str, Any]]) -> None:
    expected: dict[str, ExactPosition] = {}
    for symbol in {item["symbol"] for item in items}:
        expected |= exact_positions(item for item in items if item["symbol"] == symbol)
    assert result.positions.keys() == expected.keys()
    for symbol, exact in expected.items():
        found = result.positions[symbol]
        assert Fraction(found.qty) == exact.qty
        assert Fraction(found.cost) == exact.cost
        assert Fraction(found.realized_pnl) == exact.realized_pnl
        assert {name: Fraction(fee) for name, fee in found.fees.items()} == exact.fees


@mostly_long(("seed", "trade_ids"), [(1, "account"), (2, "market")])
async def test_the_books_are_what_the_exchange_did_whatever_it_said_in_between(
    tmp_path: Path, seed: int, trade_ids: str
) -> None:
    worst = settings(tmp_path, MISCHIEF, seed=seed, trade_ids=trade_ids)
    results: list[CycleResult] = []
    for _ in range(3):
        async with Engine(worst) as engine:
            await engine.run(6, results.append)
    calm = settings(tmp_path, {}, seed=seed, trade_ids=trade_ids, risk={"kill_switch": True})
    async with Engine(calm) as engine:
        for _ in range(5):
            last = await engine.cycle(Kind.RECONCILE)
    assert last.status is CycleStatus.OK
    assert all(adds_up(result) for result in results)
    assert sum(result.ledger_events_ignored for result in results) > 0
    assert last.ledger_events_conflicting == 0
    items = await exchange_fills(calm)
    assert len(items) > 20
    check(last, items)
    assert verified(calm.db).violations == ()


async def test_no_intent_is_submitted_twice_and_every_order_is_accounted_for(
    tmp_path: Path,
) -> None:
    worst = settings(tmp_path, MISCHIEF, seed=4)
    results: list[CycleResult] = []
    async with Engine(worst) as engine:
        await engine.run(15, results.append)
    with opened(worst.db) as ledger:
        sent = rows(ledger, "SELECT count(*) FROM orders WHERE submit_outcome IS NOT NULL")[0]
        lost = rows(ledger, "SELECT count(*) FROM orders WHERE status = 'intended'")[0]
        per_cycle = dict(rows(ledger, "SELECT cycle_id, orders_submitted FROM cycle_metrics"))
    assert sent == sum(result.orders_submitted for result in results) > 0
    assert lost == 0
    assert all(per_cycle[r.cycle_id] == r.orders_submitted for r in results if r.committed)
