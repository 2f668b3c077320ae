"""Markets whose figures are not to be relied on are said to be, in every cycle."""

import asyncio
import json
from pathlib import Path
from typing import Any

from engine import CycleResult, CycleStatus, Engine
from engine.cycles.attention import KINDS
from engine.ingest.left_out import LEFT_OUT
from engine.ledger.disputes import DisputeKind
from engine.ledger.questions import _KINDS
from tests.builders import (
    T0,
    commit,
    cycledeck,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)
from tests.golden.golden_ledger import FOLDER, unpack
from tests.ledger.test_event_types import event

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


async def test_what_the_ledger_asks_puts_a_cycle_at_attention_until_it_is_answered(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", [reported("1")]))
    async with Engine(settings) as engine:
        assert (await engine.cycle()).status is CycleStatus.OK
    asked = [
        event("UNKNOWN", asset="BNB", amount="1"),
        event("ASSERT", 2_000, asset="USDT", stated="-90"),
        event("FUNDING", source_id="9", asset="USDT", amount="0"),
    ]
    with opened(settings.db) as ledger:
        commit(ledger, [], cycle_id=2, events=asked)
    async with Engine(settings) as engine:
        for _ in range(2):
            result = await engine.cycle()
            assert result.status is CycleStatus.ATTENTION
            assert warned(result) == {("unknown_events", "BNB"), ("assertion_not_held", "USDT")}
            assert result.attention == ("BNB", "USDT")
    assert verified(settings.db).violations == ()
    verification = await asyncio.to_thread(cycledeck, "verify", "--db", settings.db)
    assert verification.code == 0
    assert "USDT: assert:ledger:7: the exchange said -90" in verification.out


async def test_a_side_of_which_more_was_closed_than_opened_is_at_attention(tmp_path: Path) -> None:
    closed = reported("1", "sell", positionSide="long", contractSize="1", symbol=SWAP)
    async with Engine(settings_in(tmp_path, serve(tmp_path / "f.jsonl", [closed]))) as engine:
        for _ in range(2):
            result = await engine.cycle()
            assert result.status is CycleStatus.ATTENTION
            assert warned(result) == {("oversold", SWAP)}
            assert result.attention == (SWAP,)
            assert result.positions[f"{SWAP} long"].oversold


async def test_a_balance_that_begins_to_be_oversold_is_no_market_at_attention(
    tmp_path: Path,
) -> None:
    sold = [reported("1", "buy"), reported("2", "sell", amount="2", ts=2_000)]
    async with Engine(settings_in(tmp_path, serve(tmp_path / "f.jsonl", sold))) as engine:
        result = await engine.cycle()
    assert warned(result) == {("oversold", "BTC")}
    assert (result.status, result.attention) == (CycleStatus.OK, ())


def test_every_kind_of_notice_about_a_market_at_attention_counts_it() -> None:
    """The states that `market_states` and the questions have, by the names of their notices."""
    kinds = {f"{kind.value}_open" for kind in DisputeKind} | {kind for kind, _ in _KINDS.values()}
    assert kinds | {"booked_as_spot", "oversold", "mixed_sides", LEFT_OUT} == KINDS
