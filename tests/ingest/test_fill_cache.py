"""What is known of the cycle before is not read again, and changes no row."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import DecisionRefused
from engine.ingest.fill_cache import FillCache
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import prepare, read
from engine.ledger.commit import commit_cycle
from engine.ledger.decision import Act, Decision
from engine.ledger.disputes import open_ones
from engine.ledger.events import events_of
from engine.ledger.markets import Market
from engine.ledger.reports import Edge
from engine.ledger.terms import USUAL, Terms
from engine.venue import TradeIds
from tests.builders import BTC, LATEST_MS, T0, OpenLedger, fee, memory_ledger, reported, rows

XBT, ETH_SWAP = "XBT/USDT", "ETH/USDT:USDT"
SYMBOLS = (BTC, XBT, ETH_SWAP)


class Account:
    """A ledger, and the venue's items that its next cycle is told."""

    def __init__(self, trade_ids: TradeIds, cache: FillCache | None) -> None:
        self.ledger: OpenLedger = memory_ledger(trade_ids)
        self.cache = cache
        self.items: list[str] = []
        self.terms: Terms = USUAL
        self.latest_ms = LATEST_MS
        self._cycle = 0

    def cycle(self) -> None:
        """What a live cycle does with the responses of its markets."""
        self._cycle += 1
        self._transact(self._cycle_in)

    def decide(self, decision: Decision) -> None:
        self._cycle += 1
        self._transact(
            lambda: commit_cycle(
                self.ledger, (), cycle_id=self._cycle, lease_epoch=1, now_ms=5, decision=decision
            )
        )

    def tables(self) -> dict[str, list[Any]]:
        names = rows(self.ledger, "SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: rows(self.ledger, f"SELECT * FROM {name}")
            for name in names
            if name != "schema_migrations"
        }

    def _cycle_in(self) -> None:
        of_markets: dict[str, list[str]] = {symbol: [] for symbol in SYMBOLS}
        for text in self.items:
            symbol = json.loads(text)["symbol"] if text.startswith("{") else BTC
            of_markets[symbol].append(text)
        responses = [
            VenueResponse(Request(symbol, 0, 0), self.latest_ms, (tuple(texts),), terms=self.terms)
            for symbol, texts in of_markets.items()
        ]
        clock_ms, cache = self.latest_ms, self.cache
        prepared = prepare(
            self.ledger, responses, clock_ms=clock_ms, cycle_id=self._cycle, cache=cache
        )
        commit_cycle(
            self.ledger,
            prepared.markets,
            cycle_id=self._cycle,
            lease_epoch=1,
            now_ms=5,
            event_cache=cache.events if cache else None,
        )

    def _transact(self, work: Callable[[], object]) -> None:
        self.ledger.execute("BEGIN IMMEDIATE")
        try:
            work()
        except DecisionRefused:
            self.ledger.execute("ROLLBACK")
        except BaseException:
            self.ledger.execute("ROLLBACK")
            raise
        else:
            self.ledger.execute("COMMIT")


def change(account: Account, step: str, number: int) -> None:
    """One step of the story: the venue's items change, the terms, or something is decided."""
    items = account.items
    place = number % len(items) if items else 0
    if step == "new" or not items:
        symbol = SYMBOLS[number % len(SYMBOLS)]
        size = {"contractSize": "0.1"} if symbol == ETH_SWAP and number % 2 else {}
        fees = [fee("0.5")] if number % 3 else []
        ts = 1_000 * (number // 5)
        more = {"order": "7", "marketId": "77"} if number % 4 == 1 else {"order": "7"}
        item = reported(str(number), ts=ts, symbol=symbol, fees=fees, **size, **more)
        items.append(json.dumps(item))
    elif step == "broken":
        items.append(f"no item {number}")
    elif step == "withdrawn":
        items.pop(place)
    elif step == "terms":
        earliest_ms = T0 + 2_000 * (number % 2)
        account.terms = replace(USUAL, earliest_ms=earliest_ms, contract_size=Decimal(number + 1))
    elif step == "clock":
        account.latest_ms = T0 + 1_000 * number
    elif not items[place].startswith("{"):
        return
    else:
        item = json.loads(items[place])
        changes: dict[str, dict[str, Any]] = {
            "price": {"price": str(90 + number)},
            "side": {"side": "sell"},
            "fee": {"fees": [fee("0.5"), fee("0.1", "BNB")]},
            "renamed": {"symbol": XBT if item["symbol"] == BTC else BTC},
        }
        text = json.dumps(item | changes[step.removeprefix("also ")])
        if step.startswith("also "):
            items.append(text)
        else:
            items[place] = text


def decision(account: Account, act: Act, number: int) -> Decision | None:
    if act in (Act.ALIAS, Act.DISTINCT):
        return Decision(act=act, market=XBT, other=BTC, reason="said so")
    if act is Act.VOID:
        trades = rows(account.ledger, "SELECT fill_id FROM applied_fills ORDER BY fill_id")
        trade = trades[number % len(trades)] if trades else "none"
        return Decision(act=act, trade_id=trade, reason="said so")
    if act is Act.UNDO:
        return Decision(act=act, of=number, reason="said so")
    disputes = open_ones(account.ledger)
    if not disputes:
        return None
    conflict = disputes[number % len(disputes)].first_id
    booked_as = f"new{number}" if act is Act.BOOK_AS else None
    return Decision(act=act, conflict=conflict, trade_id=booked_as, reason="said so")


ACTS = (Act.KEEP, Act.REPLACE, Act.BOOK_AS, Act.VOID, Act.ALIAS, Act.DISTINCT, Act.UNDO)
STEPS = (
    "new", "new", "new", "price", "side", "fee", "renamed", "also price", "also side",
    "also renamed", "broken", "withdrawn", "terms", "clock",
)  # fmt: skip


@example(TradeIds.ACCOUNT, [("terms", 1), ("new", 1), ("terms", 0)])
@example(TradeIds.ACCOUNT, [("new", 2), ("terms", 3), ("terms", 4)])
@example(TradeIds.ACCOUNT, [("new", 40), ("clock", 0), ("clock", 40)])
@example(TradeIds.MARKET, [("new", 3), ("renamed", 0), (Act.ALIAS, 0), ("fee", 0), ("new", 4)])
@example(TradeIds.ACCOUNT, [("new", 3), ("side", 0), (Act.REPLACE, 0), ("price", 0), ("fee", 0)])
@given(
    trade_ids=st.sampled_from(TradeIds),
    story=st.lists(
        st.tuples(st.sampled_from([*STEPS, *ACTS]), st.integers(0, 40)), min_size=1, max_size=14
    ),
)
def test_with_known_fills_and_without_every_table_has_the_same_rows(
    trade_ids: TradeIds, story: list[tuple[str, int]]
) -> None:
    accounts = Account(trade_ids, FillCache()), Account(trade_ids, None)
    for step, number in story:
        for account in accounts:
            if not isinstance(step, Act):
                change(account, step, number)
            elif (made := decision(account, step, number)) is not None:
                account.decide(made)
            account.cycle()
            account.cycle()
    remembering, forgetful = accounts
    assert remembering.tables() == forgetful.tables()


TEXTS = tuple(json.dumps(reported(str(number), ts=number)) for number in range(3))
RESPONSE = VenueResponse(Request(BTC, 0, 0), LATEST_MS, (TEXTS,))


def test_a_text_is_read_once_on_the_same_terms() -> None:
    cache = FillCache()
    first = read(RESPONSE, TradeIds.ACCOUNT, cache=cache)
    later = replace(RESPONSE, latest_ms=LATEST_MS + 1)
    again = read(later, TradeIds.ACCOUNT, cache=cache)
    assert all(fill is its for fill, its in zip(first.fills, again.fills, strict=True))


@pytest.mark.parametrize(
    "edge",
    [
        Edge(TradeIds.MARKET, LATEST_MS),
        Edge(TradeIds.ACCOUNT, LATEST_MS - 1),
        Edge(TradeIds.ACCOUNT, LATEST_MS, rules=1),
        Edge(TradeIds.ACCOUNT, LATEST_MS, terms=replace(USUAL, earliest_ms=1)),
        Edge(TradeIds.ACCOUNT, LATEST_MS, pinned={BTC: Market.of(BTC, market_id="77")}),
    ],
)
def test_a_text_is_read_anew_at_another_edge(edge: Edge) -> None:
    cache = FillCache()
    read(RESPONSE, TradeIds.ACCOUNT, cache=cache)
    assert cache.of(BTC, edge) == {}


def test_another_markets_pins_are_of_no_account() -> None:
    cache = FillCache()
    read(RESPONSE, TradeIds.ACCOUNT, cache=cache)
    edge = Edge(TradeIds.ACCOUNT, LATEST_MS, pinned={XBT: Market.of(XBT)})
    assert {*cache.of(BTC, edge)} == {*TEXTS}


def test_fills_that_left_the_window_are_forgotten() -> None:
    cache = FillCache()
    fills = read(RESPONSE, TradeIds.ACCOUNT, cache=cache).fills
    cache.events = {fill: events_of(fill) for fill in fills}
    shorter = replace(RESPONSE, pages=(TEXTS[1:],))
    left = read(shorter, TradeIds.ACCOUNT, cache=cache).fills
    cache.keep_only([BTC], left)
    assert {*cache.of(BTC, Edge(TradeIds.ACCOUNT, LATEST_MS))} == {*TEXTS[1:]}
    assert {*cache.events} == {*left}
    cache.keep_only([], ())
    assert cache.of(BTC, Edge(TradeIds.ACCOUNT, LATEST_MS)) == {}
    assert cache.events == {}
