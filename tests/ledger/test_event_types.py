"""Every type of event can be booked, moves what its row of the table says, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from engine.checks.verify import verify
from engine.ledger import books
from engine.ledger.account_events import account_event, next_number
from engine.ledger.decision import Act, Decision
from engine.ledger.event_types import TYPES
from engine.ledger.events import Event
from engine.ledger.reporting import roundings
from tests.builders import (
    T0,
    OpenLedger,
    balances_of,
    commit,
    fee,
    memory_ledger,
    raw,
    reported,
    rows,
)

D = Decimal
PERPETUAL = "BTC/USDT:USDT"
OF_WALLETS = [
    "FUNDING", "INTEREST", "REBATE", "REWARD", "DEPOSIT", "WITHDRAWAL", "TRANSFER", "CONVERT",
    "DUST", "EARN", "MIGRATE", "SETTLEMENT", "UNKNOWN",
]  # fmt: skip


def event(kind: str, ts: int = 1_000, **parts: Any) -> Event:
    """An account event `ts` after `T0`, with an id of its own where none is given."""
    counted = kind in ("OPENING", "ADJUST")
    own = {"number": 1} if counted else {"source": "ledger", "source_id": "7"}
    amounts = {name: D(parts.pop(name)) for name in AMOUNTS if name in parts}
    return account_event(kind, ts_ms=T0 + ts, **(own | parts | amounts))


AMOUNTS = ("amount", "qty", "cost", "stated")


def spot(trade_id: str = "1", ts: int = 1_000, **more: Any) -> dict[str, Any]:
    return reported(trade_id, "buy", "2", "100", ts, fees=[fee("1", "BNB")], **more)


def test_the_table_has_every_type() -> None:
    others = {"FILL", "FEE", "VOID", "UNVOID", "OPENING", "ADJUST", "ASSERT", "BOOKED"}
    assert TYPES.keys() == {*OF_WALLETS, *others}


@pytest.mark.parametrize("kind", OF_WALLETS)
def test_a_leg_moves_its_asset_in_its_wallet_and_no_position(kind: str) -> None:
    ledger = memory_ledger()
    leg = event(kind, asset="USDT", amount="-2.50", wallet="funding")
    made = commit(ledger, [spot()], events=[leg])
    assert balances_of(made) == {
        "BNB @main": "-1", "BTC @main": "2", "USDT @funding": "-2.5", "USDT @main": "-200",
    }  # fmt: skip
    assert leg.event_id == f"{kind.lower()}:ledger:7"
    assert list(made.positions) == ["BTC/USDT"]
    assert (made.attempted, made.inserted, made.fills_count) == (3, 3, 1)
    assert verify(ledger).violations == ()


def test_a_leg_may_have_the_balance_that_the_exchange_stated_after_it() -> None:
    ledger = memory_ledger()
    leg = event("DEPOSIT", asset="USDT", amount="5", stated="105")
    assert balances_of(commit(ledger, [], events=[leg])) == {"USDT": "5"}
    assert rows(ledger, "SELECT stated_balance FROM ledger_events") == ["105"]
    assert verify(ledger).violations == ()


def test_legs_of_one_group_are_events_of_their_own() -> None:
    ledger = memory_ledger()
    legs = [
        event("CONVERT", leg="1", asset="DOGE", amount="-10", group_id="c1"),
        event("CONVERT", leg="2", asset="USDT", amount="1.1", group_id="c1"),
    ]
    made = commit(ledger, [], events=legs)
    assert balances_of(made) == {"DOGE": "-10", "USDT": "1.1"}
    assert rows(ledger, "SELECT event_id FROM ledger_events") == [
        "convert:ledger:7:1", "convert:ledger:7:2",
    ]  # fmt: skip
    assert verify(ledger).violations == ()


def test_funding_is_beside_what_its_position_realized_and_moves_the_balance() -> None:
    ledger = memory_ledger()
    items = [
        reported("1", "sell", "1", "100", 1_000, PERPETUAL, contractSize="1"),
        reported("2", "buy", "1", "90", 3_000, PERPETUAL, contractSize="1"),
    ]
    paid = event("FUNDING", 2_000, asset="USDT", amount="-0.3", symbol=PERPETUAL)
    position = commit(ledger, items, events=[paid]).positions[PERPETUAL]
    assert (position.realized_pnl, position.funding, position.net) == (D(10), D("-0.3"), D(10))
    assert rows(ledger, "SELECT asset, amount FROM balances") == [("USDT", "9.7")]
    assert verify(ledger).violations == ()


def test_funding_in_another_asset_than_the_markets_money_is_refused_by_name() -> None:
    ledger = memory_ledger()
    paid = event("FUNDING", asset="BNB", amount="1", symbol=PERPETUAL)
    with pytest.raises(ValueError, match="funding:ledger:7: funding in BNB of BTC/USDT:USDT"):
        commit(ledger, [], events=[paid])
    assert rows(ledger, "SELECT * FROM ledger_events") == []


@pytest.mark.parametrize("kind", ["OPENING", "ADJUST"])
def test_an_opened_balance_moves_that_alone(kind: str) -> None:
    ledger = memory_ledger()
    made = commit(ledger, [spot()], events=[event(kind, 0, asset="BTC", amount="3")])
    assert balances_of(made) == {"BNB": "-1", "BTC": "5", "USDT": "-200"}
    assert made.positions["BTC/USDT"].qty == 2
    assert verify(ledger).violations == ()


@pytest.mark.parametrize("kind", ["OPENING", "ADJUST"])
@pytest.mark.parametrize("together", [True, False])
def test_an_opened_position_is_folded_on_and_moves_no_balance(kind: str, together: bool) -> None:
    ledger = memory_ledger()
    opened = event(kind, 500, symbol="BTC/USDT", qty="1", cost="40", reason="by hand")
    sold = reported("1", "sell", "1", "100", 1_000)
    made = commit(ledger, [sold], events=[opened] if together else [])
    if not together:
        made = commit(ledger, [], cycle_id=2, events=[opened])
    position = made.positions["BTC/USDT"]
    assert (position.qty, position.cost, position.realized_pnl) == (D(0), D(0), D(60))
    assert balances_of(made) == {"BTC": "-1", "USDT": "100"}
    assert verify(ledger).violations == ()


def test_a_market_is_pinned_with_its_opening() -> None:
    ledger = memory_ledger()
    commit(ledger, [], events=[event("OPENING", symbol=PERPETUAL, qty="1", cost="40")])
    assert rows(ledger, "SELECT symbol, kind FROM markets") == [(PERPETUAL, "linear")]
    quanto = event("OPENING", number=2, symbol="BTC/USD:ETH", qty="1", cost="40")
    with pytest.raises(ValueError, match="quantos and options are not booked yet"):
        commit(ledger, [], cycle_id=2, events=[quanto])


BOOKED = [
    event("BOOKED", source_id="8", asset="USDT", amount="-200.01", trade_id="1"),
    event("BOOKED", source_id="9", asset="BTC", amount="1.999", trade_id="1"),
]


@pytest.mark.parametrize("order", ["before", "with", "after"])
def test_what_the_exchange_booked_replaces_the_product_of_its_trade(order: str) -> None:
    """Of the assets that it names: the fee in BNB is the fold's."""
    ledger = memory_ledger()
    steps: dict[str, list[tuple[list[Any], list[Event]]]] = {
        "before": [([], BOOKED), ([spot(), spot("2", 2_000)], [])],
        "with": [([spot(), spot("2", 2_000)], BOOKED)],
        "after": [([spot(), spot("2", 2_000)], []), ([], BOOKED[:1]), ([], BOOKED[1:])],
    }
    for cycle_id, (items, events) in enumerate(steps[order], 1):
        made = commit(ledger, items, cycle_id=cycle_id, events=events)
        assert verify(ledger).violations == ()
    assert balances_of(made) == {"BNB": "-2", "BTC": "3.999", "USDT": "-400.01"}
    position = made.positions["BTC/USDT"]
    assert (position.qty, position.cost) == (D(4), D(400))


@pytest.mark.parametrize("late", [BOOKED, BOOKED[1:], []], ids=["all", "one", "none"])
def test_what_the_exchange_booked_for_a_trade_moves_nothing_while_that_is_void(
    late: list[Event],
) -> None:
    """Whether it comes before the ruling or after it; as every other product of the trade."""
    ledger = memory_ledger()
    early = [event for event in BOOKED if event not in late]
    commit(ledger, [spot(), spot("2", 2_000)], events=early)
    void = Decision(act=Act.VOID, trade_id="1", reason="busted")
    made = commit(ledger, [], cycle_id=2, decision=void)
    assert verify(ledger).violations == ()
    made = commit(ledger, [spot()], cycle_id=3, events=late)
    assert balances_of(made) == {"BNB": "-1", "BTC": "2", "USDT": "-200"}
    assert not any(roundings(ledger, made.positions.values()).values())
    assert verify(ledger).violations == ()
    made = commit(ledger, [], cycle_id=4, decision=Decision(act=Act.UNDO, of=2))
    assert balances_of(made) == {"BNB": "-2", "BTC": "3.999", "USDT": "-400.01"}
    assert verify(ledger).violations == ()


def test_what_a_contracts_trade_realized_is_replaced_whatever_a_late_fill_makes_of_it() -> None:
    ledger = memory_ledger()
    common: dict[str, Any] = {"symbol": PERPETUAL, "contractSize": "1"}
    items = [
        reported("1", "buy", "1", "100", 1_000, **common),
        reported("2", "sell", "1", "110", 3_000, **common),
    ]
    stated = event("BOOKED", 3_000, asset="USDT", amount="9.99", trade_id="2")
    made = commit(ledger, items, events=[stated])
    assert balances_of(made) == {"USDT": "9.99"}
    late = reported("3", "buy", "1", "104", 2_000, **common)
    made = commit(ledger, [late], cycle_id=2)
    assert made.positions[PERPETUAL].realized_pnl == 8
    assert balances_of(made) == {"USDT": "9.99"}
    assert verify(ledger).violations == ()


def test_an_event_of_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'AIRDROP' is not a type of event"):
        event("AIRDROP", asset="USDT", amount="1")


@pytest.mark.parametrize(
    ("kind", "parts", "said"),
    [
        ("DEPOSIT", {"asset": "USDT"}, "deposit:ledger:7: DEPOSIT carries amount, asset"),
        ("DEPOSIT", {"symbol": "BTC/USDT", "qty": "1", "cost": "1"}, "DEPOSIT carries"),
        ("BOOKED", {"asset": "USDT", "amount": "1"}, "exchange_trade_id; it has amount, asset"),
        ("ASSERT", {"asset": "USDT", "amount": "1"}, "ASSERT carries asset, stated_balance or"),
        ("OPENING", {"symbol": "A/B", "qty": "1", "cost": "-1"}, "a cost of -1 for a quantity"),
        ("OPENING", {"asset": "A", "amount": "1", "number": 0}, "its ids are {type}:{n}"),
        ("REWARD", {"asset": "A", "amount": "1", "source": "a:b"}, "a source that has no colon"),
        ("FILL", {}, "FILL: its ids are"),
    ],
)
def test_an_event_that_does_not_carry_what_its_type_does_is_refused(
    kind: str, parts: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said.replace("{", r"\{")):
        event(kind, **parts)


def test_a_repeat_is_ignored_and_a_contradiction_kept() -> None:
    ledger = memory_ledger()
    deposit = event("DEPOSIT", asset="USDT", amount="5")
    made = commit(ledger, [], events=[deposit, deposit])
    assert (made.inserted, made.ignored, made.conflicting) == (1, 1, 0)
    again = commit(ledger, [], cycle_id=2, events=[deposit])
    assert (again.ignored, again.positions_digest) == (1, made.positions_digest)
    other = commit(ledger, [], cycle_id=3, events=[event("DEPOSIT", asset="USDT", amount="6")])
    assert (other.inserted, other.conflicting) == (0, 1)
    assert balances_of(other) == {"USDT": "5"}
    assert rows(ledger, "SELECT fields_json FROM conflicts") == ['{"amount": ["5", "6"]}']
    assert verify(ledger).violations == ()


def test_openings_are_numbered_as_numbers() -> None:
    ledger = memory_ledger()
    numbers = [event("OPENING", number=n, asset="A", amount="1") for n in (9, 10)]
    commit(ledger, [], events=numbers)
    assert (next_number(ledger, "OPENING"), next_number(ledger, "ADJUST")) == (11, 1)


def damaged(statement: str, *events: Event) -> list[str]:
    ledger = memory_ledger()
    commit(ledger, [spot()], events=events)
    commit(ledger, [spot("2", 2_000)], cycle_id=2)
    assert verify(ledger).ok
    raw(ledger).execute(statement)
    return [f"{v.table} {v.key}" for v in verify(ledger).violations]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ledger_events SET amount = '6' WHERE type = 'DEPOSIT'", "deposit:ledger:7"),
        ("UPDATE ledger_events SET asset = 'BTC' WHERE type = 'DEPOSIT'", "deposit:ledger:7"),
        ("UPDATE ledger_events SET type = 'AIRDROP' WHERE type = 'DEPOSIT'", "deposit:ledger:7"),
        ("UPDATE balances SET amount = '6' WHERE asset = 'USDT'", "main USDT.amount"),
        ("UPDATE balance_history SET amount = '6' WHERE asset = 'USDT' AND commit_seq = 1",
         "main USDT 1.amount"),
        ("DELETE FROM balance_history WHERE asset = 'USDT' AND commit_seq = 1",
         "main USDT 1.amount"),
        ("UPDATE position_history SET funding = '1' WHERE commit_seq = 1", "1.funding"),
        ("UPDATE stage4_positions SET replaced_json = '{\"USDT\": \"1\"}'", "replaced_json"),
        ("UPDATE stage4_positions SET opened_json = '{}'", "opened_json"),
    ],
)  # fmt: skip
def test_verify_names_what_was_changed_by_hand(statement: str, named: str) -> None:
    events = (
        event("DEPOSIT", asset="USDT", amount="5"),
        event("OPENING", 0, symbol="BTC/USDT", qty="1", cost="1"),
    )
    assert any(named in line for line in damaged(statement, *events))


def test_verify_proves_balances_along_commits_that_all_say_the_same_wrong_thing() -> None:
    """A chain that vouches for wrong balances does not make them right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(books, "legs_of", lambda events, void: {})
        ledger = memory_ledger()
        commit(ledger, [spot()], events=[event("DEPOSIT", asset="USDT", amount="5")])
    named = {f"{v.table} {v.key}" for v in verify(ledger).violations}
    assert named == {"balances main USDT.amount", "balance_history main USDT 1.amount"}


def test_books_without_account_events_have_the_digest_they_always_had() -> None:
    ledger: OpenLedger = memory_ledger()
    made = commit(ledger, [spot()])
    assert made.positions_digest == "7bfe530995035d90adb5b9bdb023e159"
