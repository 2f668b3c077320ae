"""Stored positions equal the fold of the ledger, whatever arrives when, at a bounded cost."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.verify import verify
from engine.ledger import positions
from engine.ledger.positions import CHECKPOINT_EVENTS
from tests.builders import OpenLedger, commit, fee, folded, memory_ledger, money_of, reported, rows
from tests.exact import exact_positions
from tests.generated import fills


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


@given(fills(max_size=25, min_size=1), st.data())
def test_any_order_duplicates_and_split_into_cycles_gives_the_same_positions(
    items: list[Any], data: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "CHECKPOINT_EVENTS", data.draw(st.sampled_from([1, 2, 3, 7])))
        arrivals = data.draw(st.permutations(items + data.draw(st.lists(st.sampled_from(items)))))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(arrivals)), max_size=5)))
        bounds = [0, *cuts, len(arrivals)]
        connection = memory_ledger()
        for cycle, (start, end) in enumerate(pairwise(bounds), 1):
            made = commit(connection, arrivals[start:end], cycle_id=cycle, symbols=["BTC/USDT"])
        found = {symbol: money_of(position) for symbol, position in made.positions.items()}
        outcome = verify(connection)
        connection.close()
    assert found == folded(items)
    assert outcome.violations == ()


@given(fills(max_size=12, min_size=1), st.data())
def test_fees_that_were_null_at_first_end_where_known_ones_do(items: list[Any], data: Any) -> None:
    at_first = data.draw(st.permutations([item | {"fees": [], "fee": None} for item in items]))
    later = data.draw(st.permutations(items))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "CHECKPOINT_EVENTS", 2)
        connection = memory_ledger()
        commit(connection, at_first)
        found = commit(connection, later, cycle_id=2).positions
        outcome = verify(connection)
        connection.close()
    assert outcome.violations == ()
    for symbol, exact in exact_positions(items).items():
        assert Fraction(found[symbol].realized_pnl) == exact.realized_pnl
        assert Fraction(found[symbol].cost) == exact.cost
        assert {c: Fraction(v) for c, v in found[symbol].fees.items()} == exact.fees


def history(count: int, fees: list[Any] | None = None) -> list[dict[str, Any]]:
    """Alternating buys and sells, one a second."""
    return [
        reported(str(n), "buy" if n % 3 else "sell", "0.7", f"{100 + n % 13}", n * 1_000,
                 fees=fees or [fee("0")])
        for n in range(1, count + 1)
    ]  # fmt: skip


def events_read(ledger: OpenLedger, items: list[Any], cycle_id: int) -> int:
    """How many ledger rows a commit takes out of `events_from`."""
    taken = 0
    original = positions.Positions.events

    def counting(*arguments: Any) -> Iterator[Any]:
        nonlocal taken
        for event in original(*arguments):
            taken += 1
            yield event

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions.Positions, "events", counting)
        commit(ledger, items, cycle_id=cycle_id)
    return taken


def test_a_fill_in_order_reads_no_event_of_the_past(ledger: OpenLedger) -> None:
    commit(ledger, history(1_000))
    assert events_read(ledger, [reported("1001", ts=1_001_000)], 2) == 0


@pytest.mark.parametrize("size", [1_000, 4_000])
def test_a_late_fill_reads_from_its_checkpoint_only_however_long_the_history(
    ledger: OpenLedger, size: int
) -> None:
    commit(ledger, history(size))
    late = reported("late", ts=(size - 10) * 1_000 + 1)
    assert 0 < events_read(ledger, [late], 2) <= 2 * CHECKPOINT_EVENTS
    assert verify(ledger).ok


def test_checkpoints_after_a_late_fill_are_made_anew(ledger: OpenLedger) -> None:
    commit(ledger, history(1_000))
    made = commit(ledger, [reported("late", ts=300_001)], cycle_id=2)
    events = rows(ledger, "SELECT events FROM position_checkpoints ORDER BY events")
    assert events == [256, 512, 768]
    assert verify(ledger).ok
    everything = [*history(1_000), reported("late", ts=300_001)]
    assert money_of(made.positions["BTC/USDT"]) == folded(everything)["BTC/USDT"]


def test_a_late_fill_within_a_millisecond_that_a_checkpoint_splits(
    ledger: OpenLedger,
) -> None:
    same_ms = [reported(str(n), "buy" if n % 2 else "sell", f"0.{n}", ts=7) for n in range(1, 600)]
    late = same_ms.pop(100)
    commit(ledger, same_ms)
    made = commit(ledger, [late], cycle_id=2)
    assert money_of(made.positions["BTC/USDT"]) == folded([*same_ms, late])["BTC/USDT"]
    assert verify(ledger).ok


def test_a_late_fee_in_the_base_is_folded_before_a_later_trade_of_its_millisecond(
    ledger: OpenLedger,
) -> None:
    bought, sold = reported("1", fees=[fee("0.1", "BTC")]), reported("2", "sell", "0.5", "110")
    commit(ledger, [bought | {"fees": []}])
    made = commit(ledger, [bought, sold], cycle_id=2)
    assert money_of(made.positions["BTC/USDT"]) == folded([bought, sold])["BTC/USDT"]
    assert verify(ledger).ok


def test_a_late_fee_refolds_its_symbol_and_no_other(ledger: OpenLedger) -> None:
    items = [*history(10), reported("e", ts=5_000, symbol="ETH/USDT", fees=[])]
    commit(ledger, items)
    charged = reported("e", ts=5_000, symbol="ETH/USDT", fees=[fee("0.1", "ETH")])
    commit(ledger, [charged], cycle_id=2)
    written = rows(ledger, "SELECT symbol, cycle_id FROM stage4_positions ORDER BY symbol")
    assert written == [("BTC/USDT", 1), ("ETH/USDT", 2)]


def test_a_position_stays_readable_as_it_was_after_each_commit(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", amount="1")])
    commit(ledger, [reported("2", amount="2", ts=2_000)], cycle_id=2)
    kept = rows(ledger, "SELECT commit_seq, qty FROM position_history ORDER BY commit_seq")
    assert kept == [(1, "1"), (2, "3")]
