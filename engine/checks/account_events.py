"""Account events: each as its type has it, and the questions that they leave open."""

from collections.abc import Iterator

from engine.checks.check import Check, Violation
from engine.checks.walk import Part, WalkingCheck
from engine.ledger.account_events import check_account_event
from engine.ledger.balances import StoredBalances
from engine.ledger.event_types import ASSERT, OF_TRADES
from engine.ledger.events import Event, event_of
from engine.ledger.positions import Positions
from engine.ledger.questions import Assertions, all_late_events


class AccountEventsCheck(WalkingCheck):
    """Every event that is of no trade carries what its type does, under the id that this gives."""

    name = "account_events"

    def take(self, part: Part) -> Iterator[Violation]:
        for event in map(event_of, part.others):
            if event.type in OF_TRADES:
                continue
            self.count()
            try:
                check_account_event(event)
            except ValueError as error:
                yield Violation.of(
                    "ledger_events", event.event_id, "an event as its type has it", error
                )


class AssertionsCheck(Check):
    """Every assertion of the exchange's was compared with the fold of what sorts before it."""

    name = "assertions"

    def violations(self) -> Iterator[Violation]:
        positions, balances = Positions(self._tx), StoredBalances(self._tx)
        assertions = Assertions(self._tx, positions, balances)
        stored = {row[0]: row[1:] for row in self._tx.rows("verify_assertions")}
        for event in self._tx.typed(Event, "events_of_type", type=ASSERT, since_ms=0):
            self.count()
            expected = assertions.outcome(event)
            row = stored.pop(event.event_id, None)
            if row is None:
                yield Violation.of("assertions", event.event_id, (*expected.values(),), "no row")
            else:
                actual = dict(zip(expected, row, strict=True))
                yield from Violation.of_columns("assertions", event.event_id, expected, actual)
        for event_id in sorted(stored):
            yield Violation.of("assertions", event_id, "an ASSERT event", "none")


class LateEventsCheck(Check):
    """Each event booked later than an OPENING that sorts before it has its row, the last one."""

    name = "late_events"

    def violations(self) -> Iterator[Violation]:
        markets = Positions(self._tx).markets
        stored = {row[:2]: row[2] for row in self._tx.rows("verify_late_events")}
        for opening, late in all_late_events(self._tx, markets):
            self.count()
            for scope, event in late.items():
                event_id = stored.pop((opening.event_id, scope), "no row")
                if event_id != event.event_id:
                    key = f"{opening.event_id} {scope}"
                    yield Violation.of("late_events", key, event.event_id, event_id)
        for opening_id, scope in sorted(stored):
            yield Violation.of("late_events", f"{opening_id} {scope}", "no row", "one")
