"""What the operator decides about contents that do not agree: a commit each, undone by one."""

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.verify import verify
from engine.cycles.attention import MarketStatus, market_states
from engine.errors import DecisionRefused
from engine.history.decisions import exported, listing, next_decision
from engine.ledger.commit import Commit
from engine.ledger.contents import content_json
from engine.ledger.decision import Act, Decision
from engine.ledger.events import events_of
from engine.venue import TradeIds
from tests.builders import (
    BTC,
    ETH,
    OpenLedger,
    balances_of,
    commit,
    fee,
    memory_ledger,
    money_of,
    read,
    reported,
    rows,
)
from tests.exact import exact_books
from tests.generated import account_fills

BUY = reported("1", "buy", "2", "100", order="a", fees=[fee("1")])
BETTER = reported("1", "buy", "2", "90", order="a", fees=[fee("2")])
OTHER = reported("1", "sell", "1", "150", order="b", fees=[fee("3")])


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


def told(ledger: OpenLedger, *items: Any, **more: Any) -> Commit:
    """The next cycle, which is told these items."""
    last = rows(ledger, "SELECT coalesce(max(cycle_id), 0) FROM ledger_commits")[0]
    return commit(ledger, items, cycle_id=last + 1, **more)


def decided(ledger: OpenLedger, act: Act, **about: Any) -> Commit:
    return told(ledger, decision=Decision(act=act, **about))


def statuses(made: Commit) -> dict[str, MarketStatus]:
    states = market_states(made.positions.values(), made.disputes)
    return {state.symbol: state.status for state in states}


def quantity(made: Commit, name: str = BTC) -> str | None:
    position = made.positions.get(name)
    return None if position is None else str(money_of(position)["qty"])


def is_sound(ledger: OpenLedger) -> bool:
    wrong = [v for v in verify(ledger).violations if v.table not in ("cycle_metrics", "cycles")]
    assert wrong == []
    return True


# --- corrections


def test_of_a_correction_the_first_stands_and_the_market_is_at_attention(
    ledger: OpenLedger,
) -> None:
    told(ledger, BUY)
    made = told(ledger, BETTER)
    assert (quantity(made), money_of(made.positions[BTC])["cost"]) == ("2", "200")
    assert statuses(made) == {BTC: MarketStatus.ATTENTION}
    assert statuses(told(ledger, BUY)) == {BTC: MarketStatus.ATTENTION}  # It does not heal.


def test_what_stands_is_kept_and_the_other_is_a_repeat_from_then_on(ledger: OpenLedger) -> None:
    told(ledger, BUY)
    told(ledger, BETTER)
    made = decided(ledger, Act.KEEP, conflict=1, reason="the exchange's page says so")
    assert (statuses(made), money_of(made.positions[BTC])["cost"]) == ({}, "200")
    again = told(ledger, BETTER, BUY)
    assert (again.inserted, again.conflicting, statuses(again)) == (0, 0, {})
    assert is_sound(ledger)


def test_the_other_takes_the_place_of_what_stands_with_its_fees(ledger: OpenLedger) -> None:
    told(ledger, BUY)
    told(ledger, BETTER)
    made = decided(ledger, Act.REPLACE, conflict=1)
    figures = money_of(made.positions[BTC])
    assert (figures["qty"], figures["cost"], figures["fees"]) == ("2", "180", {"USDT": "2"})
    assert balances_of(made) == {"BTC": "2", "USDT": "-182"}
    again = told(ledger, BUY, BETTER)
    assert (again.inserted, again.conflicting, statuses(again)) == (0, 0, {})
    assert is_sound(ledger)


def test_a_late_fee_goes_to_the_content_that_it_is_reported_with(ledger: OpenLedger) -> None:
    unknown = reported("1", "buy", "2", "90", order="a", fees=[])
    told(ledger, BUY)
    told(ledger, unknown)
    assert decided(ledger, Act.REPLACE, conflict=1).positions[BTC].fees_unknown == 1
    made = told(ledger, BETTER)
    assert (made.inserted, made.positions[BTC].fees_unknown) == (1, 0)
    assert money_of(made.positions[BTC])["fees"] == {"USDT": "2"}
    assert is_sound(ledger)


@pytest.mark.parametrize("how", [Act.KEEP, Act.REPLACE, Act.BOOK_AS])
def test_a_decision_is_undone_by_one_that_leaves_the_books_as_they_were(
    ledger: OpenLedger, how: Act
) -> None:
    told(ledger, BUY)
    before = told(ledger, BETTER)
    made = decided(ledger, how, conflict=1, trade_id="2" if how is Act.BOOK_AS else None)
    after = decided(ledger, Act.UNDO, of=made.commit_seq)
    assert {**money_of(after.positions[BTC])} == {**money_of(before.positions[BTC])}
    assert balances_of(after) == balances_of(before)
    assert statuses(after) == {BTC: MarketStatus.ATTENTION}
    again = decided(ledger, Act.UNDO, of=after.commit_seq)
    assert money_of(again.positions[BTC]) == money_of(made.positions[BTC])
    assert is_sound(ledger)
    assert [line.undone_by for line in listing(ledger)] == [None, 4 + 1, None]


# --- clashes


@pytest.mark.parametrize("other", [OTHER, BUY | {"symbol": ETH, "amount": "9"}])
def test_of_contents_that_clash_none_is_booked_and_both_markets_are_at_attention(
    ledger: OpenLedger, other: Any
) -> None:
    made = told(ledger, BUY, other, reported("2", ts=9_000))
    assert quantity(made) == "1"
    assert statuses(made) == dict.fromkeys({BTC, other["symbol"]}, MarketStatus.ATTENTION)
    alone = told(ledger, BUY)
    assert (alone.inserted, statuses(alone)) == (0, statuses(made))


def test_another_side_or_order_is_a_clash_also_when_it_comes_later(ledger: OpenLedger) -> None:
    told(ledger, BUY)
    made = told(ledger, OTHER)
    assert rows(ledger, "SELECT kind FROM conflicts") == ["clash"]
    assert made.cursors["fills_cursor:BTC/USDT"].after == BUY["timestamp"]


def test_a_clash_closes_when_each_content_is_decided(ledger: OpenLedger) -> None:
    told(ledger, BUY, OTHER)
    made = decided(ledger, Act.BOOK_AS, conflict=1, trade_id="1")
    assert (quantity(made), statuses(made)) == ("2", {BTC: MarketStatus.ATTENTION})
    made = decided(ledger, Act.BOOK_AS, conflict=2, trade_id="1-b")
    assert (quantity(made), statuses(made)) == ("1", {})
    again = told(ledger, OTHER, BUY)
    assert (again.inserted, again.conflicting) == (0, 0)
    assert again.cursors["fills_cursor:BTC/USDT"].after == BUY["timestamp"]
    assert is_sound(ledger)


def test_a_content_that_is_dropped_is_never_booked(ledger: OpenLedger) -> None:
    told(ledger, BUY, OTHER)
    decided(ledger, Act.KEEP, conflict=1)
    decided(ledger, Act.KEEP, conflict=2)
    made = told(ledger, BUY, OTHER)
    assert (made.inserted, made.conflicting, dict(made.positions)) == (0, 0, {})
    third = told(ledger, BETTER)
    assert (third.inserted, third.conflicting) == (0, 2)
    assert is_sound(ledger)


def test_where_nothing_stands_nothing_is_replaced(ledger: OpenLedger) -> None:
    told(ledger, BUY, OTHER)
    with pytest.raises(DecisionRefused, match="--book-as books this content"):
        decided(ledger, Act.REPLACE, conflict=1)


@pytest.mark.parametrize("taken", ["2", "1"])
def test_an_id_that_the_ledger_has_is_not_given_to_another_fill(
    ledger: OpenLedger, taken: str
) -> None:
    told(ledger, BUY, reported("2", ts=9_000))
    told(ledger, OTHER)
    with pytest.raises(DecisionRefused, match="the ledger has a trade of that id"):
        decided(ledger, Act.BOOK_AS, conflict=1, trade_id=taken)


@pytest.mark.parametrize("name", ["", " x", "x\x1b[0m", "decision:1:x", "x" * 201])
def test_an_id_that_cannot_be_one_is_refused_by_name(ledger: OpenLedger, name: str) -> None:
    told(ledger, BUY, OTHER)
    with pytest.raises(DecisionRefused, match="--book-as"):
        decided(ledger, Act.BOOK_AS, conflict=1, trade_id=name)


# --- trades that the exchange takes back


def test_a_void_trade_moves_nothing_and_is_a_repeat_when_it_is_reported(
    ledger: OpenLedger,
) -> None:
    told(ledger, BUY, reported("2", "sell", "1", "120", ts=2_000))
    made = decided(ledger, Act.VOID, trade_id="1", reason="busted")
    assert (quantity(made), balances_of(made)) == ("-1", {"BTC": "-1", "USDT": "120"})
    late = told(ledger, BUY | {"fees": [fee("1"), fee("4", "BNB")]})
    assert (late.conflicting, quantity(late)) == (0, "-1")
    assert money_of(late.positions[BTC])["fees"] == {}
    assert rows(ledger, "SELECT fill_id FROM applied_fills ORDER BY 1") == ["1", "2"]
    assert is_sound(ledger)


def test_a_void_trade_is_valid_again_when_that_is_undone(ledger: OpenLedger) -> None:
    first = told(ledger, BUY, reported("2", "sell", "1", "120", ts=2_000))
    made = decided(ledger, Act.VOID, trade_id="1", reason="busted")
    after = decided(ledger, Act.UNDO, of=made.commit_seq)
    assert money_of(after.positions[BTC]) == money_of(first.positions[BTC])
    assert decided(ledger, Act.VOID, trade_id="1", reason="busted").inserted == 1
    assert is_sound(ledger)


def test_unknown_fees_of_a_void_trade_make_no_figure_uncertain(ledger: OpenLedger) -> None:
    told(ledger, BUY | {"fees": []})
    assert decided(ledger, Act.VOID, trade_id="1", reason="busted").positions[BTC].fees_unknown == 0


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"trade_id": "1"}, "--reason"),
        ({"trade_id": "7", "reason": "x"}, "no trade 7"),
        ({"trade_id": "2", "reason": "x"}, "void already"),
    ],
)
def test_what_cannot_be_void_is_refused_by_name(ledger: OpenLedger, about: Any, words: str) -> None:
    told(ledger, BUY, reported("2", ts=2_000))
    decided(ledger, Act.VOID, trade_id="2", reason="busted")
    with pytest.raises(DecisionRefused, match=words):
        decided(ledger, Act.VOID, **about)


# --- names of markets


XBT = "XBT/USDT"
TWIN = BUY | {"symbol": XBT}
LATER = reported("5", "sell", "1", "130", 5_000, symbol=XBT)


@pytest.mark.parametrize("form", [TradeIds.ACCOUNT, TradeIds.MARKET])
@pytest.mark.parametrize("apart", [False, True], ids=["in one cycle", "in two"])
def test_a_fill_under_two_names_is_one_and_nothing_new_of_the_other_name_is_booked(
    form: TradeIds, apart: bool
) -> None:
    ledger = memory_ledger(form)
    if apart:
        told(ledger, BUY, trade_ids=form)
    made = told(ledger, TWIN, LATER, *([] if apart else [BUY]), trade_ids=form)
    assert {name: quantity(made, name) for name in made.positions} == {BTC: "2"}
    assert statuses(made) == {XBT: MarketStatus.HELD, BTC: MarketStatus.ATTENTION}
    assert made.cursors[f"fills_cursor:{XBT}"].after == 0
    assert is_sound(ledger)


@pytest.mark.parametrize("form", [TradeIds.ACCOUNT, TradeIds.MARKET])
def test_an_alias_folds_into_the_market_that_it_is_another_name_of(form: TradeIds) -> None:
    ledger = memory_ledger(form)
    told(ledger, BUY, trade_ids=form)
    told(ledger, TWIN, LATER, trade_ids=form)
    decided(ledger, Act.ALIAS, market=XBT, other=BTC)
    made = told(ledger, TWIN, LATER, trade_ids=form)
    assert (made.inserted, made.conflicting, statuses(made)) == (1, 0, {})
    assert {name: quantity(made, name) for name in made.positions} == {BTC: "1"}
    again = told(ledger, TWIN, BUY, LATER, trade_ids=form)
    assert (again.inserted, again.conflicting) == (0, 0)
    assert is_sound(ledger)


@pytest.mark.parametrize("form", [TradeIds.ACCOUNT, TradeIds.MARKET])
def test_of_two_markets_that_are_distinct_what_was_kept_is_booked(form: TradeIds) -> None:
    ledger = memory_ledger(form)
    told(ledger, BUY, trade_ids=form)
    told(ledger, TWIN, LATER, trade_ids=form)
    made = decided(ledger, Act.DISTINCT, market=XBT, other=BTC)
    assert (quantity(made, XBT), statuses(made)) == ("2", {})
    more = BUY | {"id": "8", "timestamp": BUY["timestamp"] + 1}
    made = told(ledger, BUY, TWIN, LATER, more, more | {"symbol": XBT}, trade_ids=form)
    assert {name: quantity(made, name) for name in made.positions} == {BTC: "4", XBT: "3"}
    again = told(ledger, TWIN, LATER, more | {"symbol": XBT}, trade_ids=form)
    assert (again.inserted, again.conflicting, statuses(again)) == (0, 0, {})
    assert is_sound(ledger)


def test_booked_twins_are_void_by_an_alias_and_valid_when_it_is_undone() -> None:
    form = TradeIds.MARKET
    ledger = memory_ledger(form)
    told(ledger, BUY, trade_ids=form)
    told(ledger, reported("4", ts=4_000, symbol=XBT), trade_ids=form)
    told(ledger, BUY | {"id": "6"}, trade_ids=form)
    decided(ledger, Act.DISTINCT, market=XBT, other=BTC)
    twin = told(ledger, BUY | {"id": "6", "symbol": XBT}, trade_ids=form)
    decided(ledger, Act.UNDO, of=4)
    made = decided(ledger, Act.ALIAS, market=XBT, other=BTC)
    assert {name: quantity(made, name) for name in made.positions} == {BTC: "5"}
    assert rows(ledger, "SELECT exchange_trade_id FROM ledger_events WHERE type = 'VOID'") == [
        f"{XBT}:6"
    ]
    after = decided(ledger, Act.UNDO, of=made.commit_seq)
    assert {n: money_of(p) for n, p in after.positions.items()} == {
        n: money_of(p) for n, p in twin.positions.items()
    }
    assert is_sound(ledger)


# --- order, split and moment


@st.composite
def quarrels(draw: Any) -> tuple[list[Any], list[dict[str, Any]], list[Any]]:
    """Reports of fills, for some ids with two contents; which of those stand, as lines of an
    export; and the fills that there are in truth."""
    fills = draw(account_fills(max_size=8))
    reports, lines, truth = [*fills], [], []
    for item in fills:
        change = draw(
            st.sampled_from([None, None, "price", "amount", "side", "order", "timestamp"])
        )
        if change is None:
            truth.append(item)
            continue
        item["order"] = "of-" + item["id"]
        other = _changed(item, change)
        reports.append(other)
        kept, refused = draw(st.permutations([item, other]))
        stands = [{"as": item["id"], "content": _values(kept)}]
        lines.append({"trade_id": item["id"], "stands": stands, "refused": [_values(refused)]})
        truth.append(kept)
    return reports, lines, truth


def _changed(item: Any, change: str) -> Any:
    values = {
        "price": str(Fraction(item["price"]).numerator + 1),
        "amount": "7.5",
        "side": "sell" if item["side"] == "buy" else "buy",
        "order": "another",
        "timestamp": item["timestamp"] + 1,
    }
    return item | {change: values[change], "cost": None}


def _values(item: Any) -> Any:
    return json.loads(content_json(events_of(read(item))))


def _decide(ledger: OpenLedger, lines: Sequence[dict[str, Any]]) -> None:
    """Decide what can be decided by now."""
    for line in lines:
        while True:
            try:
                decision = next_decision(ledger, line)
            except DecisionRefused:
                break  # What it names was not reported yet.
            if decision is None:
                break
            told(ledger, decision=decision)


@given(quarrels(), st.data())
def test_after_decisions_the_books_are_equal_whatever_the_order_split_and_moment(
    quarrel: Any, data: Any
) -> None:
    reports, lines, truth = quarrel
    arrivals = data.draw(st.permutations(reports))
    cuts = sorted({0, len(arrivals), *data.draw(st.lists(st.integers(0, len(arrivals))))})
    ledger = memory_ledger()
    for start, end in pairwise(cuts):
        made = told(ledger, *arrivals[start:end])
        open_in = rows(ledger, "SELECT DISTINCT symbol FROM conflicts WHERE status = 'open'")
        assert set(open_in) <= statuses(made).keys()
        if data.draw(st.booleans()):
            _decide(ledger, lines)
    _decide(ledger, lines)
    made = told(ledger, *reports)
    assert (made.inserted, made.conflicting) == (0, 0)
    assert rows(ledger, "SELECT count(*) FROM conflicts WHERE status = 'open'") == [0]
    expected, balances = exact_books(truth)
    assert {asset: Fraction(amount) for asset, amount in balances_of(made).items()} == balances
    positions = {name: p for name, p in made.positions.items() if p.qty or p.realized_pnl}
    for name, position in positions.items():
        exact = expected[name]
        assert Fraction(position.qty) == exact.qty
        assert Fraction(position.cost) == exact.cost
        assert Fraction(position.realized_pnl) == exact.realized_pnl
    assert is_sound(ledger)
    other = memory_ledger()
    told(other, *reversed(reports))
    _decide(other, [line for line in exported(ledger) if "act" not in line])
    assert balances_of(told(other, *reports)) == balances_of(made)


# --- what a hostile reading found


def market_ids(*items: Any) -> list[Any]:
    """Items whose ids are unique per market, as the ledger's markets are pinned by now."""
    return [read(item, TradeIds.MARKET) for item in items]


def test_an_undone_decision_is_not_undone_again(ledger: OpenLedger) -> None:
    told(ledger, BUY)
    made = decided(ledger, Act.ADJUST, asset="USDT", amount="5", at_ms=5_000, reason="found")
    decided(ledger, Act.UNDO, of=made.commit_seq)
    with pytest.raises(DecisionRefused, match="is taken back already"):
        decided(ledger, Act.UNDO, of=made.commit_seq)


def test_a_void_trade_that_was_replaced_stays_void(ledger: OpenLedger) -> None:
    told(ledger, BUY)
    told(ledger, BETTER)
    made = decided(ledger, Act.VOID, trade_id="1", reason="busted")
    assert quantity(decided(ledger, Act.REPLACE, conflict=1)) == "2"
    with pytest.raises(DecisionRefused, match="followed by a replacement"):
        decided(ledger, Act.UNDO, of=made.commit_seq)


def test_a_correction_that_is_told_twice_in_a_cycle_is_one(ledger: OpenLedger) -> None:
    told(ledger, BUY)
    withdrawn = BUY | {"fees": [fee("0")]}
    made = told(ledger, withdrawn, withdrawn)
    assert (made.conflicting, statuses(made)) == (2, {BTC: MarketStatus.ATTENTION})


def test_what_is_distinct_no_more_is_booked_once_however_often_that_is_decided(
    ledger: OpenLedger,
) -> None:
    second = reported("2", ts=2_000)
    told(ledger, BUY, second)
    told(ledger, TWIN)
    made = decided(ledger, Act.DISTINCT, market=XBT, other=BTC)
    told(ledger, TWIN, second | {"symbol": XBT})
    decided(ledger, Act.UNDO, of=made.commit_seq)
    told(ledger, TWIN, second | {"symbol": XBT})
    decided(ledger, Act.DISTINCT, market=XBT, other=BTC)
    assert quantity(told(ledger, TWIN, second | {"symbol": XBT}), XBT) == "3"
    assert is_sound(ledger)


def test_fills_booked_before_an_alias_are_repeats_after_it_and_corrected_as_one() -> None:
    ledger = memory_ledger(TradeIds.MARKET)
    told(ledger, *market_ids(BUY, LATER))
    decided(ledger, Act.ALIAS, market=XBT, other=BTC)
    made = told(ledger, *market_ids(BUY, LATER))
    assert (made.inserted, quantity(made)) == (0, "1")
    other = LATER | {"symbol": BTC, "price": "131"}
    made = told(ledger, *market_ids(other))
    assert (made.inserted, statuses(made)) == (0, {BTC: MarketStatus.ATTENTION})
    assert is_sound(ledger)


def test_an_alias_of_a_market_without_a_fill_is_undone_to_a_market_of_its_own(
    ledger: OpenLedger,
) -> None:
    told(ledger, BUY)
    made = decided(ledger, Act.ALIAS, market="XRP/USDT", other=BTC)
    decided(ledger, Act.UNDO, of=made.commit_seq)
    made = told(ledger, reported("5", "buy", "3", "2", 5_000, "XRP/USDT"))
    assert balances_of(made) == {"BTC": "2", "USDT": "-207", "XRP": "3"}
    assert is_sound(ledger)


def test_the_cursor_of_another_name_may_stand_at_what_is_booked_under_the_first(
    ledger: OpenLedger,
) -> None:
    told(ledger, BUY, TWIN)
    decided(ledger, Act.ALIAS, market=XBT, other=BTC)
    told(ledger, BUY, TWIN)
    assert is_sound(ledger)


def test_nothing_new_of_a_waiting_market_is_booked_also_when_it_is_told_twice(
    ledger: OpenLedger,
) -> None:
    told(ledger, BUY, TWIN)
    made = told(ledger, LATER, LATER | {"fees": []})
    assert (made.attempted, made.inserted) == (0, 0)
    assert is_sound(ledger)


@pytest.mark.parametrize("first", ["void", "replace"])
def test_late_fees_of_what_is_void_leave_the_count_of_unknown_ones(
    ledger: OpenLedger, first: str
) -> None:
    unknown = BUY | {"fees": []}
    told(ledger, unknown, reported("2", ts=2_000, fees=[]))
    if first == "void":
        decided(ledger, Act.VOID, trade_id="1", reason="busted")
    else:
        told(ledger, unknown | {"price": "90"})
        decided(ledger, Act.REPLACE, conflict=1)
        told(ledger, unknown | {"price": "90", "fees": [fee("1")]})
    assert told(ledger, BUY).positions[BTC].fees_unknown == 1
    made = told(ledger, reported("2", ts=2_000, fees=[fee("1")]))
    assert made.positions[BTC].fees_unknown == 0
    assert is_sound(ledger)


def test_unknown_fees_of_what_is_booked_in_a_new_market_are_counted_once(
    ledger: OpenLedger,
) -> None:
    told(ledger, BUY | {"fees": []}, OTHER)
    made = decided(ledger, Act.BOOK_AS, conflict=1, trade_id="1")
    assert made.positions[BTC].fees_unknown == 1


def test_a_cycle_whose_claims_were_all_given_free_commits_nothing() -> None:
    ledger = memory_ledger(TradeIds.MARKET)
    told(ledger, *market_ids(BUY))
    told(ledger, *market_ids(TWIN, LATER))
    waiting = told(ledger, *market_ids(TWIN, LATER))
    assert (waiting.commit_seq, waiting.inserted) == (None, 0)


@pytest.mark.parametrize(
    ("act", "about", "words"),
    [
        (Act.CLOSE, {"period": "2099"}, "in the future"),
        (Act.REBOOK, {"market": BTC, "kind": "linear", "size": "1"}, "already"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ledger: OpenLedger, act: Act, about: Any, words: str
) -> None:
    told(ledger, BUY)
    with pytest.raises(DecisionRefused, match=words):
        decided(ledger, act, **about)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE conflicts SET status = 'superseded'",
        "DELETE FROM conflicts",
        "UPDATE conflicts SET status = 'refused', decided_seq = 2",
        "UPDATE conflicts SET source_id = '9'",
    ],
)
def test_an_open_question_does_not_vanish_by_hand(ledger: OpenLedger, edit: str) -> None:
    told(ledger, BUY)
    told(ledger, BETTER)
    ledger.execute(edit)
    assert {violation.table for violation in verify(ledger).violations} >= {"conflicts"}
