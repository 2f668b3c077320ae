"""A ledger's status: positions, cursors, lease, last cycle, and the rows of each table."""

from contextlib import closing

from engine.cycles.attention import MarketStatus
from engine.history.summary import SummaryReader
from tests.builders import BTC, ETH, commit, memory_ledger, reported


def test_the_status_of_a_ledger_without_cycles_is_empty() -> None:
    with closing(memory_ledger()) as ledger:
        status = SummaryReader(ledger).status()
    assert (status.positions, status.cursors, status.last_cycle) == ({}, {}, None)
    assert status.lease is None
    assert status.counts["ledger_events"] == 0


def test_the_status_counts_every_table() -> None:
    with closing(memory_ledger()) as ledger:
        commit(ledger, [reported(str(n), ts=n) for n in range(25)])
        status = SummaryReader(ledger).status()
        assert set(status.counts) == set(ledger.column("tables_all"))
    assert status.counts["applied_fills"] == 25
    assert status.positions[BTC].qty == "25"


def test_the_summary_says_of_each_market_why_it_is_not_ok_as_the_status_does() -> None:
    with closing(memory_ledger()) as ledger:
        commit(ledger, [reported("1"), reported("2", symbol=ETH)])
        assert SummaryReader(ledger).summary(0).markets == {}
        commit(ledger, [reported("1", price="90")], cycle_id=2)
        markets = SummaryReader(ledger).summary(0).markets
        assert markets == SummaryReader(ledger).status().markets
    [state] = markets[BTC]
    assert (state.status, [*markets]) == (MarketStatus.ATTENTION, [BTC])
    assert "conflicts resolve 1" in state.remedy
