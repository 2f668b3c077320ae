"""Orders: stored before they are sent, each sent at most once, their fate looked up."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import CancelOrder, CycleStatus, Engine, PlaceOrder, Snapshot
from engine.errors import OrderRejected, StoreCorrupt, VenueTimeout, VenueUnavailable
from engine.trading.strategies import Intent
from engine.venue import OrderStatus, Side
from tests.builders import BTC, ETH, opened, reported, rows, settings_in, verified
from tests.fakes import FakeVenue


class Scripted:
    """Wants what it was given, one list a cycle; remembers what it saw."""

    def __init__(self, *intents: Sequence[Intent]) -> None:
        self._intents = list(intents)
        self.seen: list[Snapshot] = []

    def __call__(self, snapshot: Snapshot) -> Sequence[Intent]:
        self.seen.append(snapshot)
        return self._intents.pop(0) if self._intents else ()


def bid(price: str = "90", symbol: str = BTC) -> PlaceOrder:
    return PlaceOrder(symbol, Side.BUY, Decimal(1), Decimal(price))


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue([reported("1", ts=1_000)], marks={BTC: "100"})


def stored(folder: Path, columns: str = "status, submit_outcome") -> list[Any]:
    with opened(folder / "ledger.db") as ledger:
        return rows(ledger, f"SELECT {columns} FROM orders ORDER BY cycle_id, client_order_id")


async def test_an_intent_is_stored_before_it_is_sent(tmp_path: Path, venue: FakeVenue) -> None:
    before: list[Any] = []

    class Watching(FakeVenue):
        async def submit(self, order: Any) -> Any:
            before.extend(stored(tmp_path, "client_order_id, status"))
            return await super().submit(order)

    watching = Watching(venue.reports, marks={BTC: "100"})
    async with Engine(settings_in(tmp_path), venue=watching, strategy=Scripted([bid()])) as engine:
        result = await engine.cycle()
    assert result.orders_submitted == 1
    assert before == [(watching.sent[0].client_order_id, "intended")]
    assert stored(tmp_path) == [("open", "accepted")]


async def test_client_ids_are_unique_short_and_alphanumeric(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strategy = Scripted([bid("90"), bid("89")], [bid("88")])
    async with Engine(settings_in(tmp_path), venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        await engine.cycle()
    ids = [order.client_order_id for order in venue.sent]
    assert len(set(ids)) == 3
    assert all(name.isascii() and name.isalnum() and len(name) <= 32 for name in ids)


async def test_the_strategy_sees_what_was_accounted_in_this_cycle(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strategy = Scripted([bid()], [])
    async with Engine(settings_in(tmp_path), venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        await engine.cycle()
    first, second = strategy.seen
    assert first.positions[BTC].qty == 1
    assert first.marks == {BTC: 100}
    assert first.open_orders == ()
    assert [order.client_order_id for order in second.open_orders] == [
        venue.sent[0].client_order_id
    ]


async def test_a_time_out_is_unknown_and_resolved_by_client_id_before_anything_new_is_sent(
    tmp_path: Path, venue: FakeVenue
) -> None:
    venue.silent = VenueTimeout("no answer")
    async with Engine(
        settings_in(tmp_path), venue=venue, strategy=Scripted([bid()], [bid("80")])
    ) as engine:
        result = await engine.cycle()
        assert (result.orders_submitted, result.rejects_count) == (1, 0)
        assert "is unknown" in result.errors[0].message
        assert stored(tmp_path) == [("unknown", "unknown")]
        venue.silent = None
        await engine.cycle()
    assert stored(tmp_path) == [("open", "unknown"), ("open", "accepted")]
    assert len(venue.sent) == 2


async def test_while_an_order_is_unresolved_nothing_new_is_sent_to_its_market(
    tmp_path: Path, venue: FakeVenue
) -> None:
    venue.marks[ETH] = Decimal(10)
    venue.silent = VenueTimeout("no answer")
    strategy = Scripted([bid()], [bid("80"), bid("9", ETH)])
    async with Engine(settings_in(tmp_path), venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        venue.silent = None
        venue.failing["fetch_order_by_client_id"] = VenueUnavailable("502")
        result = await engine.cycle()
    assert (result.orders_submitted, result.orders_refused) == (1, 1)
    assert [order.symbol for order in venue.sent] == [BTC, ETH]
    assert stored(tmp_path, "reason")[1] == f"{BTC}: an earlier order is unresolved"


async def test_an_order_that_never_reached_the_venue_is_absent(
    tmp_path: Path, venue: FakeVenue
) -> None:
    venue.failing["submit"] = VenueTimeout("no answer")
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        await engine.cycle()
    venue.failing.clear()
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted()):
        assert stored(tmp_path) == [("absent", "unknown")]
    assert venue.sent == []


async def test_a_rejection_is_counted_and_never_sent_again(
    tmp_path: Path, venue: FakeVenue
) -> None:
    venue.failing["submit"] = OrderRejected("insufficient funds")
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        result = await engine.cycle()
        venue.failing.clear()
        await engine.cycle()
    assert (result.status, result.orders_submitted, result.rejects_count) == (CycleStatus.OK, 1, 1)
    assert stored(tmp_path, "status, submit_outcome, reason") == [
        ("rejected", "rejected", "insufficient funds")
    ]
    assert venue.sent == []


@pytest.mark.parametrize("status", ["open", "unknown"])
async def test_a_damaged_order_is_named_and_the_fills_stay_accounted(
    tmp_path: Path, venue: FakeVenue, status: str
) -> None:
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        await engine.cycle()
    named = f"{venue.sent[0].client_order_id} in the table orders is damaged: 'x' is not a decimal"
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.execute("UPDATE orders SET qty = 'x', status = ?", (status,))
        ledger.commit()
    venue.reports.append(reported("2", ts=2_000))
    if status == "unknown":
        with pytest.raises(StoreCorrupt, match=named):
            await Engine(settings_in(tmp_path), venue=venue).open()
        return
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        result = await engine.cycle()
    assert [(error.step, named in error.message) for error in result.errors] == [("execute", True)]
    assert result.fills_count == 1
    assert len(venue.sent) == 1
    assert verified(tmp_path / "ledger.db").violations == ()


async def test_a_cancel_is_kept_and_counted_and_one_too_late_is_none(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strategy = Scripted([bid()])
    async with Engine(settings_in(tmp_path), venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        name = venue.sent[0].client_order_id
        strategy._intents = [[CancelOrder(BTC, name)], [CancelOrder(BTC, name)]]
        results = [await engine.cycle(), await engine.cycle()]
    assert [result.orders_canceled for result in results] == [1, 0]
    assert stored(tmp_path, "status, canceled_cycle_id") == [("canceled", 2)]


async def test_a_refused_order_keeps_its_reason_and_is_not_sent(
    tmp_path: Path, venue: FakeVenue
) -> None:
    settings = settings_in(tmp_path, risk={"max_order_notional": "50"})
    async with Engine(settings, venue=venue, strategy=Scripted([bid()])) as engine:
        result = await engine.cycle()
    assert (result.orders_submitted, result.orders_refused) == (0, 1)
    assert stored(tmp_path, "status, reason") == [("refused", "max_order_notional: 90 is above 50")]
    assert venue.sent == []


async def test_an_order_that_is_withdrawn_in_the_same_cycle_makes_room_for_its_successor(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strategy = Scripted([bid("90")])
    settings = settings_in(tmp_path, risk={"max_open_orders": 1})
    async with Engine(settings, venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        strategy._intents = [[CancelOrder(BTC, venue.sent[0].client_order_id), bid("80")]]
        result = await engine.cycle()
    assert (result.orders_canceled, result.orders_submitted, result.orders_refused) == (1, 1, 0)


@pytest.mark.parametrize("how", ["setting", "file", "other file"])
async def test_the_kill_switch_stops_orders_and_not_accounting(
    tmp_path: Path, venue: FakeVenue, how: str
) -> None:
    risk: dict[str, Any] = {"kill_switch": how == "setting"}
    file = tmp_path / "ledger.db.kill"
    if how == "other file":
        file = risk["kill_switch_file"] = tmp_path / "stop"
    if how != "setting":
        file.touch()
    strategy = Scripted([bid()], [bid()])
    async with Engine(settings_in(tmp_path, risk=risk), venue=venue, strategy=strategy) as engine:
        result = await engine.cycle()
        assert (result.fills_count, result.orders_submitted, result.orders_refused) == (1, 0, 1)
        file.unlink(missing_ok=True)
        after = await engine.cycle()
    assert after.orders_submitted == (how != "setting")
    assert "kill" in stored(tmp_path, "reason")[0]


async def test_a_kill_switch_thrown_between_two_orders_refuses_what_was_decided_already(
    tmp_path: Path, venue: FakeVenue
) -> None:
    file = tmp_path / "ledger.db.kill"

    class Killed(FakeVenue):
        async def submit(self, order: Any) -> Any:
            file.touch()
            return await super().submit(order)

    killed = Killed(venue.reports, marks={BTC: "100"})
    strategy = Scripted([bid("90"), bid("89"), bid("88")])
    async with Engine(settings_in(tmp_path), venue=killed, strategy=strategy) as engine:
        result = await engine.cycle()
    assert len(killed.sent) == 1
    assert (result.orders_submitted, result.orders_refused, result.errors) == (1, 2, ())
    refused = ("refused", None, None, f"kill switch file {file} exists")
    found = stored(tmp_path, "status, submit_outcome, submitted_ms IS NOT NULL, reason")
    assert found[0] == ("open", "accepted", 1, None)
    assert [(*row[:2], row[2] or None, row[3]) for row in found[1:]] == [refused, refused]
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT orders_submitted FROM cycle_metrics") == [1]
    assert verified(tmp_path / "ledger.db").ok


async def test_no_order_goes_to_a_market_whose_fills_are_not_all_known(
    tmp_path: Path, venue: FakeVenue
) -> None:
    venue.reports.append(reported("2", symbol=ETH))
    venue.marks[ETH] = Decimal(10)
    venue.failing[BTC] = VenueUnavailable("502")
    strategy = Scripted([bid(), bid("9", ETH)])
    async with Engine(settings_in(tmp_path), venue=venue, strategy=strategy) as engine:
        await engine.cycle()
    assert strategy.seen[0].symbols == (ETH,)
    assert [order.symbol for order in venue.sent] == [ETH]


async def test_nothing_is_sent_where_nothing_was_committed(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strategy = Scripted([bid()])
    venue.failing[BTC] = VenueUnavailable("502")
    async with Engine(settings_in(tmp_path), venue=venue, strategy=strategy) as engine:
        result = await engine.cycle()
    assert (result.status, strategy.seen, venue.sent) == (CycleStatus.FAILED, [], [])


async def test_a_strategy_that_raises_sends_nothing_and_the_fills_stay_accounted(
    tmp_path: Path, venue: FakeVenue
) -> None:
    def broken(snapshot: Snapshot) -> Sequence[Intent]:
        raise ZeroDivisionError("oops")

    async with Engine(settings_in(tmp_path), venue=venue, strategy=broken) as engine:
        result = await engine.cycle()
    assert (result.status, result.fills_count) == (CycleStatus.PARTIAL, 1)
    assert [(e.step, e.type) for e in result.errors] == [("execute", "StrategyFailed")]
    assert "ZeroDivisionError: oops" in result.errors[0].message


async def test_an_order_the_venue_filled_meanwhile_is_no_longer_open(
    tmp_path: Path, venue: FakeVenue
) -> None:
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        await engine.cycle()
        (name,) = venue.orders
        venue.orders[name] = replace(venue.orders[name], status=OrderStatus.FILLED)
        await engine.cycle()
    assert stored(tmp_path, "status") == ["filled"]


async def test_the_time_an_order_was_sent_at_stays_whatever_time_the_venue_gives_it(
    tmp_path: Path, venue: FakeVenue
) -> None:
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        await engine.cycle()
        sent = stored(tmp_path, "submitted_ms")
        (name,) = venue.orders
        venue.orders[name] = replace(venue.orders[name], status=OrderStatus.FILLED, ts_ms=7)
        await engine.cycle()
    assert stored(tmp_path, "status") == ["filled"]
    assert stored(tmp_path, "submitted_ms") == sent != [7]


async def test_metrics_of_a_cycle_follow_when_its_orders_fate_is_known(
    tmp_path: Path, venue: FakeVenue
) -> None:
    """An order that was sent by an engine that died before it could say so."""
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted([bid()])) as engine:
        await engine.cycle()
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.execute(
            "UPDATE orders SET status = 'intended', submit_outcome = NULL, submitted_ms = NULL"
        )
        ledger.execute("UPDATE cycle_metrics SET orders_submitted = 0, fill_rate = 0.0")
    async with Engine(settings_in(tmp_path), venue=venue, strategy=Scripted()):
        pass
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT orders_submitted, fill_rate FROM cycle_metrics") == [(1, 1.0)]
    assert verified(tmp_path / "ledger.db").violations == ()
    assert len(venue.sent) == 1


async def test_a_cancel_whose_answer_was_lost_is_asked_again_and_counts(tmp_path: Path) -> None:
    class LosesAnswers(FakeVenue):
        lost = 0

        async def cancel(self, symbol: str, client_order_id: str) -> None:
            await super().cancel(symbol, client_order_id)
            self.lost += 1
            raise VenueTimeout

    venue = LosesAnswers([reported("1", ts=1_000)], marks={BTC: "100"})
    strategy = Scripted([bid()])
    config = settings_in(tmp_path, retry_attempts=3, retry_wait="1ms")
    async with Engine(config, venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        strategy._intents.append([CancelOrder(BTC, venue.sent[0].client_order_id)])
        result = await engine.cycle()
    assert (result.orders_canceled, result.errors, venue.lost) == (1, (), 1)
    assert stored(tmp_path, "status, canceled_cycle_id") == [("canceled", 2)]
    assert verified(tmp_path / "ledger.db").ok


async def test_open_orders_are_asked_for_again_after_an_error_that_passes(tmp_path: Path) -> None:
    class Stumbles(FakeVenue):
        stumbled = False

        async def fetch_open_orders(self, symbol: str) -> Any:
            if not self.stumbled:
                self.stumbled = True
                raise VenueUnavailable("503")
            return await super().fetch_open_orders(symbol)

    venue = Stumbles([reported("1", ts=1_000)], marks={BTC: "100"})
    config = settings_in(tmp_path, retry_attempts=2, retry_wait="1ms")
    async with Engine(config, venue=venue, strategy=Scripted()) as engine:
        result = await engine.cycle()
    assert venue.stumbled
    assert (result.status, result.errors) == (CycleStatus.OK, ())


async def test_an_order_that_could_not_be_canceled_counts_against_the_limits(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strategy = Scripted([bid("90")])
    config = settings_in(tmp_path, risk={"max_open_orders": 1})
    async with Engine(config, venue=venue, strategy=strategy) as engine:
        await engine.cycle()
        venue.failing["cancel"] = VenueUnavailable("503")
        strategy._intents.append([CancelOrder(BTC, venue.sent[0].client_order_id), bid("91")])
        result = await engine.cycle()
    assert (result.orders_canceled, result.orders_submitted, result.orders_refused) == (0, 0, 1)
    assert stored(tmp_path, "status, reason")[1] == (
        "refused",
        "max_open_orders: 1 of 1 are open",
    )
