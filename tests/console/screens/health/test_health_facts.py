from console.kit.lines import line, plain, width_of
from console.kit.scrolled import Fact, FactsPanel
from console.screens.health.health_facts import Growth, HealthFacts, Proof
from tests.console import published as p

HELD = p.books(
    lease_holder="host:4242",
    lease_acquired_ms=p.NOON_MS,
    lease_heartbeat_ms=p.NOON_MS + 8 * p.MINUTE_MS,
)


def told(facts: list[Fact], label: str) -> str:
    return plain(line(dict(facts)[label]))


def test_the_lease_is_as_old_as_it_was_when_the_file_was_looked_at() -> None:
    looked_ms, now_ms = p.NOON_MS + 8 * p.MINUTE_MS + 700, p.NOON_MS + 60 * p.MINUTE_MS
    facts = HealthFacts(p.view(p.result(1)), HELD, looked_ms).engine(now_ms)
    assert told(facts, "renewed") == "0.7 s ago"
    assert told(facts, "up") == "1 h"
    unknown = HealthFacts(p.view(p.result(1)), HELD).engine(now_ms)
    assert told(unknown, "renewed") == "12:08:00"


def test_a_proof_says_how_much_was_read_and_when() -> None:
    found = {"violations": [], "checked": {"ledger_events": 1_204}}
    health = HealthFacts(p.view(), p.books())
    facts = health.proof(Proof(verification=found, at_ms=p.NOON_MS))
    assert told(facts, "verify") == "✓ ok · 1,204 rows"
    assert told(facts, "") == "at 12:00:00"
    wrong = Proof(verification=found | {"violations": [{}]}, at_ms=p.NOON_MS)
    assert told(health.proof(wrong), "verify") == "✕ 1 violation"


def test_a_long_fact_goes_on_below_its_beginning() -> None:
    panel = FactsPanel("books", id="books")
    panel._facts = [("held cursors", "◆ 3  BTC/USDT ETH/USDT SOL/USDT"), ("orders open", "10")]
    rows = panel.lines(36, 9)
    assert [plain(row) for row in rows] == [
        "held cursors  ◆ 3  BTC/USDT ",
        "                ETH/USDT SOL/USDT",
        "orders open   10",
    ]
    assert max(width_of(row) for row in rows) <= 36


def test_the_growth_of_a_day_and_of_the_month_to_come_are_said_where_they_are_known() -> None:
    """FAULTS 50."""
    assert "in a month" not in dict(HealthFacts(p.view(), p.books()).file(None, Growth()))
    tables = {"cycle_metrics": 2_097_152, "cycles": 1_048_576, "orders": 3, "audit": 1}
    growth = {"span_ms": 1, "per_day": tables, "month": 94_371_960, "month_stays": 1_048_576}
    facts = HealthFacts(p.view(), p.books(growth=growth)).file(None, Growth())
    assert told(facts, "in a day") == "3.0 MiB  cycle_metrics 2.0 MiB  cycles 1.0 MiB  orders 3 B"
    assert told(facts, "in a month") == "90.0 MiB  1.0 MiB of it stay"
