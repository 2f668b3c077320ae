"""What an account began with is booked with the first cycle of its ledger, and with no other."""

from decimal import Decimal
from pathlib import Path

from engine import Engine, rehearse_cycle
from engine.venue import Mode
from engine.venues.sim.state import START_BALANCES
from tests.builders import (
    commit,
    cycledeck,
    memory_ledger,
    opened,
    rows,
    settings_in,
    verified,
)
from tests.ledger.test_event_types import event, spot

OPENINGS = "SELECT event_id, asset, amount FROM ledger_events WHERE type = 'OPENING' ORDER BY seq"


async def test_the_simulators_balances_are_booked_with_the_first_commit(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings) as engine:
        assert engine.venue.mode is Mode.SIM
        results = [await engine.cycle() for _ in range(3)]
    with opened(settings.db) as ledger:
        booked = rows(ledger, OPENINGS)
    assert [row[0] for row in booked] == [f"opening:{n}" for n in range(1, 6)]
    assert {row[1]: Decimal(row[2]) for row in booked} == START_BALANCES
    assert {warning.type for result in results for warning in result.warnings} == set()
    assert verified(settings.db).ok


async def test_the_books_come_to_the_balances_of_the_exchange(tmp_path: Path) -> None:
    """To the last unit, once it has published every trade and its fee."""
    settings = settings_in(tmp_path, sim={"mischief": {}}, seed=3)
    async with Engine(settings) as engine:
        for _ in range(12):
            await engine.cycle()
    quiet = settings_in(tmp_path, sim={"mischief": {}}, seed=3, strategy="none")
    async with Engine(quiet) as engine:
        for symbol in await engine.venue.fetch_symbols():
            for order in await engine.venue.fetch_open_orders(symbol):
                await engine.venue.cancel(symbol, order.client_order_id or "")
        for _ in range(4):
            result = await engine.cycle()
        exchange = await engine.venue.fetch_balances()
    assert sum(view.qty != "0" for view in result.positions.values()) > 0
    assert {asset: Decimal(view.amount) for asset, view in result.balances.items()} == exchange


async def test_a_replay_and_a_rehearsal_of_the_first_cycle_are_clean(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings) as engine:
        for _ in range(2):
            await engine.cycle()
        replayed = await engine.replay(1)
    assert (replayed.verdict, replayed.ledger_events_inserted) == ("clean", 0)
    for cycle_id in (1, 2):
        assert (await rehearse_cycle(settings, cycle_id)).differences == ()
    assert verified(settings.db).ok


async def test_a_ledger_that_begins_later_than_the_account_has_no_opening(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, start_from="now")
    async with Engine(settings) as engine:
        for _ in range(3):
            result = await engine.cycle()
    with opened(settings.db) as ledger:
        assert rows(ledger, OPENINGS) == []
    assert all(not balance.oversold for balance in result.balances.values())


def test_status_says_what_balances_are_and_what_keeps_them_at_attention(tmp_path: Path) -> None:
    ledger = memory_ledger()
    events = [
        event("UNKNOWN", asset="USDT", amount="1"),
        event("ADJUST", 2_000, symbol="BTC/USDT", qty="1", cost="5", reason="found a slip"),
        event("BOOKED", source_id="8", asset="USDT", amount="-200.01", trade_id="1"),
    ]
    commit(ledger, [spot()], events=events)
    path = tmp_path / "l.db"
    ledger.execute("VACUUM INTO ?", (str(path),))
    found = cycledeck("status", "--db", path, "--json").json
    assert found["balances"] == {"BNB": "-1", "BTC": "2", "USDT": "-199.01"}
    assert found["rounding"] == {"USDT": "-0.01"}
    assert found["oversold"] == []
    assert list(found["changes_since"]) == ["main"]
    assert found["markets"].keys() == {"USDT"}
    assert [line["reason"] for line in found["adjustments"]] == ["found a slip"]
    text = cycledeck("status", "--db", path).out
    for words in (
        "attention  USDT: 1 booked of a type that nobody knows",
        "balance    BTC 2",
        "of main, change since 2023-07-22",
        "rounding   USDT -0.01",
        "adjust:1   BTC/USDT 1 that cost 5: found a slip",
    ):
        assert words in text
