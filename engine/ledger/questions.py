"""Open questions: what the ledger has that cannot all be so, until somebody decides or more comes.

An assertion of the exchange's that does not hold, an event that was booked after the OPENING which
it sorts before, rows of a type that nobody knows. Runs inside TX 1.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from engine.ledger.accounting import MAIN, ZERO, PositionKey
from engine.ledger.balances import BalanceKey, StoredBalances, difference, legs_of, moved_by
from engine.ledger.event_types import ASSERT, FEE, FILL, LEG, OPENING, TYPES
from engine.ledger.events import Event, SortKey
from engine.ledger.markets import Markets
from engine.ledger.openings import Openings
from engine.ledger.positions import Positions
from engine.money import EXACT, canonical
from engine.store.tx import Tx

# Legs that say something else than what came before an OPENING.
_NO_HISTORY = (OPENING, "ADJUST", "BOOKED")


NOT_HELD = "assertion_not_held"


class Question(NamedTuple):
    """An open question: its kind, of which market or which asset of a wallet, and in words the
    figures and the remedy."""

    kind: str
    message: str
    symbol: str | None
    balance: BalanceKey | None

    @property
    def where(self) -> str:
        """The market, or the asset and its wallet, which the main one need not be named for."""
        if self.balance is None:
            return self.symbol or ""
        return self.balance.named(self.balance.wallet != MAIN)


def open_questions(tx: Tx) -> list[Question]:
    """The open questions of a ledger."""
    if not tx.rows("account_any"):
        return []
    rows = tx.named("questions_open")
    if late := [row for row in rows if row["kind"] == "late"]:
        openings = Openings.read(tx)
        decided = [row for row in late if openings.settles(row["stated"], row["seq"])]
        rows = [row for row in rows if row not in decided]
    return [_question(row) for row in rows]


def _question(row: dict[str, Any]) -> Question:
    kind, symbol, asset = row["kind"], row["symbol"], row["asset"]
    balance = None if symbol is not None else BalanceKey(row["wallet"] or MAIN, asset)
    number = str(row["stated"]).partition(":")[2]
    figures = row["event_id"], row["stated"], row["actual"], number
    return Question(_KINDS[kind][0], _KINDS[kind][1].format(*figures), symbol, balance)


_KINDS = {
    "assertion": (
        NOT_HELD,
        "{0}: the exchange said {1}, the events before it come to {2}; book what is missing, or "
        "the difference by `cycledeck adjust`",
    ),
    "late": (
        "late_before_opening",
        "{0} was booked after {1}, before which it sorts: both count; `cycledeck openings keep "
        "{3}` if the opening did not have it in it, `cycledeck openings void {3}` if all that was "
        "before the opening is booked by now",
    ),
    "unknown": (
        "unknown_events",
        "{1} booked of a type that nobody knows, the first {0}: the balance has them and is right, "
        "no profit, fee or funding has; `cycledeck export ledger_events` shows them, their type as "
        "the exchange calls it in their ids; what they mean, no command can say yet",
    ),
}


class Assertions:
    """The exchange's assertions, of balances and positions, against the books of a commit."""

    def __init__(self, tx: Tx, positions: Positions, balances: StoredBalances) -> None:
        self._tx = tx
        self._positions = positions
        self._balances = balances

    def review(self, since_ms: int) -> None:
        """Compare anew what was said from a time on."""
        for event in self._tx.typed(Event, "events_of_type", type=ASSERT, since_ms=since_ms):
            self._tx.run("assertion_write", event_id=event.event_id, **self.outcome(event))

    def outcome(self, assertion: Event) -> dict[str, str | int]:
        """The figure of the books where an assertion sorts, and whether it says the same."""
        actual = self._actual(assertion)
        holds = actual == Decimal(assertion.stated_balance or assertion.qty or "")
        return {"actual": canonical(actual), "holds": int(holds)}

    def _actual(self, assertion: Event) -> Decimal:
        """The figure that an assertion is about, as the fold of all events that sort before it."""
        if assertion.symbol is not None:
            key = PositionKey.of(assertion, self._positions.markets.of(assertion.symbol))
            return self._positions.before(key, self._place(assertion)).qty
        balance = BalanceKey(assertion.wallet or MAIN, assertion.asset or "")
        later = EXACT.add(
            self._traded_later(assertion, balance), self._booked_later(assertion, balance)
        )
        return EXACT.subtract(self._balances.all().get(balance, ZERO), later)

    def _place(self, event: Event) -> SortKey:
        return place_in(event, self._positions.markets)

    def _traded_later(self, assertion: Event, balance: BalanceKey) -> Decimal:
        """The moves of a balance by positions from the assertion's place on."""
        moved, place = ZERO, self._place(assertion)
        for position in self._positions.stored():
            if position.wallet == balance.wallet and position.last >= place:
                before = self._positions.before(position.key, place)
                later = difference(moved_by([position]), moved_by([before]))
                moved = EXACT.add(moved, later.get(balance, ZERO))
        return moved

    def _booked_later(self, assertion: Event, balance: BalanceKey) -> Decimal:
        """The moves of a balance by account events from the assertion's place on."""
        events = self._tx.typed(Event, "legs_from", since_ms=assertion.ts, **balance._asdict())
        place = self._place(assertion)
        from_then = (event for event in events if self._place(event) >= place)
        later = legs_of(from_then, self._positions.void)
        return later.get(balance, ZERO)


def place_in(event: Event, markets: Markets) -> SortKey:
    """The place of an event among all of an account."""
    return event.place(None if event.symbol is None else markets.of(event.symbol))


def keep_late_events(tx: Tx, events: Iterable[Event], markets: Markets, cycle_id: int) -> None:
    """Keep which of a cycle's new events sort before an OPENING that was booked earlier and move
    the balance or position it opened; of each market, or asset, the one booked last."""
    events = list(events)
    since_ms = min(event.ts for event in events)
    for opening in tx.typed(Event, "openings_before", since_ms=since_ms, cycle_id=cycle_id):
        _keep_late(tx, opening, _late_events(opening, events, markets))


def keep_all_late_events(tx: Tx, markets: Markets) -> None:
    """Keep anew which events were booked after an OPENING that they sort before, where names of
    markets mean something else than before."""
    tx.run("late_events_drop")
    for opening, late in all_late_events(tx, markets):
        _keep_late(tx, opening, late)


def all_late_events(tx: Tx, markets: Markets) -> Iterator[tuple[Event, dict[str, Event]]]:
    """Each OPENING with the events of before it that were booked later, by market or asset the last
    one."""
    for opening in tx.typed(Event, "events_of_type", type=OPENING, since_ms=0):
        of_opening = {"ts": opening.ts, "event_id": opening.event_id}
        events = map(Event._make, tx.each("events_after_opening", **of_opening))
        yield opening, _late_events(opening, events, markets)


def _keep_late(tx: Tx, opening: Event, late: Mapping[str, Event]) -> None:
    for scope, event in late.items():
        row = {"opening_id": opening.event_id, "scope": scope, "event_id": event.event_id}
        tx.run("late_event_keep", **row)


def _late_events(opening: Event, events: Iterable[Event], markets: Markets) -> dict[str, Event]:
    """By market or asset, the last of events that sort before an OPENING and move the same."""
    last: dict[str, Event] = {}
    for event in events:
        earlier = place_in(event, markets) < place_in(opening, markets)
        if earlier and _moves_what(opening, event, markets):
            last[event.symbol or event.asset or ""] = event
    return last


def _moves_what(opening: Event, event: Event, markets: Markets) -> bool:
    """Whether an event moves the balance or the position that an OPENING opened."""
    if opening.asset is None:
        market = markets.of(opening.symbol or "")
        of_position = (
            event.type in (FILL, FEE) and markets.root(event.symbol or "") == market.symbol
        )
        return of_position and PositionKey.of(event, market) == PositionKey.of(opening, market)
    return (event.wallet or MAIN) == (opening.wallet or MAIN) and opening.asset in _assets(
        event, markets
    )


def _assets(event: Event, markets: Markets) -> tuple[str | None, ...]:
    """The assets whose balances an event moves, as part of the history before an OPENING."""
    if event.type == FILL:
        market = markets.of(event.symbol or "")
        return (market.money,) if market.is_contract else (market.base, market.quote)
    if event.type == FEE:
        return (event.fee_currency,) if event.fee != "0" else ()
    is_leg = any(form >= LEG for form in TYPES[event.type].carries)
    return (event.asset,) if is_leg and event.type not in _NO_HISTORY else ()
