"""Markets whose figures are not to be relied on are said to be, in every cycle."""

import asyncio
import json
from pathlib import Path
from typing import Any

from engine import CycleResult, CycleStatus, Engine
from tests.builders import T0, opened, reported, rows, serve, settings_in, verified
from tests.golden.golden_ledger import FOLDER, unpack

SWAP = "ETH/USDT:USDT"


def warned(result: CycleResult) -> set[tuple[str, str | None]]:
    return {(notice.type, notice.symbol) for notice in result.warnings}


async def test_a_market_with_sided_and_unsided_fills_is_at_attention(tmp_path: Path) -> None:
    common = {"symbol": SWAP, "contractSize": "1"}
    fills = [
        reported("1", ts=1_000, positionSide="long", **common),
        reported("2", ts=2_000, **common),
    ]
    async with Engine(settings_in(tmp_path, serve(tmp_path / "f.jsonl", fills))) as engine:
        for _ in range(2):
            result = await engine.cycle()
            assert result.status is CycleStatus.ATTENTION
            assert ("mixed_sides", SWAP) in warned(result)


async def test_a_contract_that_the_first_program_began_goes_on_by_its_rules_and_says_so(
    tmp_path: Path,
) -> None:
    unpack(FOLDER / "0.1.0" / "recorded-account", tmp_path)
    source = tmp_path / "fills.jsonl"
    symbol = "BTC/USD:BTC"
    known: dict[str, Any] = {"positionSide": "short", "contractSize": "100", "symbol": symbol}
    item = reported("new-1", "sell", "5", "40000", **known) | {"timestamp": T0 + 10**11}
    with source.open("a") as file:
        file.write(json.dumps(item) + "\n")
    async with Engine(settings_in(tmp_path, source)) as engine:
        before = (await asyncio.to_thread(verified, tmp_path / "ledger.db")).violations
        result = await engine.cycle()
    assert before == ()
    assert (result.status, result.ledger_events_inserted) == (CycleStatus.HELD, 1)
    assert ("booked_as_spot", symbol) in warned(result)
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT side FROM stage4_positions WHERE symbol = ?", symbol) == ["net"]
        assert rows(ledger, "SELECT version FROM ledger_events WHERE event_id = 'fill:new-1'") == [
            1
        ]
        assert rows(ledger, "SELECT rules FROM markets WHERE symbol = ?", symbol) == [1]
    assert verified(tmp_path / "ledger.db").violations == ()
