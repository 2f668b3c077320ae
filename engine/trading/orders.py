"""The account's orders in the ledger's file. Functions here run inside a transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from engine.errors import StoreCorrupt
from engine.money import canonical, parse_decimal
from engine.store.tx import Tx
from engine.venue import LimitOrder, Side, VenueOrder


class OrderState(StrEnum):
    """An order as the ledger sees it.

    `intended` is stored and may have been sent; `unknown` was sent without an answer; `absent`
    turned out never to have reached the venue.
    """

    INTENDED = "intended"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    ABSENT = "absent"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class StoredOrder(LimitOrder):
    """An order of the ledger: the cycle that intended it, and its fate so far."""

    cycle_id: int
    status: OrderState
    submit_outcome: str | None

    @classmethod
    def from_row(
        cls,
        client_order_id: str,
        cycle_id: int,
        symbol: str,
        side: str,
        qty: str,
        price: str,
        status: str,
        outcome: str | None,
    ) -> Self:
        """Raises `StoreCorrupt` where a value of the row is not one that this program writes."""
        try:
            terms = Side(side), parse_decimal(qty), parse_decimal(price)
            return cls(client_order_id, symbol, *terms, cycle_id, OrderState(status), outcome)
        except ValueError as error:
            raise StoreCorrupt(
                f"the order {client_order_id} in the table orders is damaged: {error}"
            ) from error


# An order, and the venue's report of it; null where the venue has no such order.
OrderReport = tuple[StoredOrder, VenueOrder | None]


@dataclass(frozen=True, slots=True)
class Intended:
    """An order that the strategy wants, before it is sent. One with a `reason` was refused."""

    order: LimitOrder
    decision_price: Decimal | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """The fate of an order that was to be sent.

    `outcome` is accepted, rejected or unknown. It is null, and so is the time, where the order was
    refused at the last moment.
    """

    client_order_id: str
    status: OrderState
    outcome: str | None
    submitted_ms: int | None
    exchange_order_id: str | None = None
    reason: str | None = None


def intend(tx: Tx, orders: Iterable[Intended], cycle_id: int, now_ms: int) -> None:
    for intended in orders:
        order, mark = intended.order, intended.decision_price
        tx.run(
            "order_intend",
            client_order_id=order.client_order_id,
            cycle_id=cycle_id,
            symbol=order.symbol,
            side=order.side,
            qty=canonical(order.qty),
            price=canonical(order.price),
            decision_price=canonical(mark) if mark is not None else None,
            status=OrderState.REFUSED if intended.reason else OrderState.INTENDED,
            reason=intended.reason,
            updated_ms=now_ms,
        )


def store_sent(tx: Tx, sent: Iterable[Sent], now_ms: int) -> None:
    for order in sent:
        tx.run("order_sent", **asdict(order), now_ms=now_ms)


def store_reports(tx: Tx, reports: Sequence[OrderReport], now_ms: int) -> set[int]:
    """Bring orders up to the venue's reports; an order without one is absent.

    Returns the cycles whose figures are others now: they sent more than was counted, or booked
    fills of an order that was not open in the ledger. Their metrics are dropped here: a row that is
    missing gets rebuilt, a wrong one would stay.
    """
    revised = {order.cycle_id for order, report in reports if report and not order.submit_outcome}
    for cycle_id in revised:
        tx.run("metrics_drop", cycle_id=cycle_id)
    for order, report in reports:
        client_order_id = order.client_order_id
        if report is None:
            reason = "the venue does not know it"
            tx.run("order_absent", client_order_id=client_order_id, reason=reason, now_ms=now_ms)
            continue
        ids = {"client_order_id": client_order_id, "exchange_order_id": report.exchange_order_id}
        tx.run(
            "order_resolved", **ids, status=report.status, submitted_ms=report.ts_ms, now_ms=now_ms
        )
        if order.status is not OrderState.OPEN:
            revised.update(tx.column("metrics_drop_of_fills", **ids, cycle_id=order.cycle_id))
    return revised


def store_canceled(tx: Tx, client_order_ids: Iterable[str], cycle_id: int, now_ms: int) -> None:
    for client_order_id in client_order_ids:
        tx.run("order_canceled", client_order_id=client_order_id, cycle_id=cycle_id, now_ms=now_ms)


def unresolved(tx: Tx) -> list[StoredOrder]:
    return tx.typed(StoredOrder.from_row, "orders_unresolved")


def open_orders(tx: Tx) -> list[StoredOrder]:
    return tx.typed(StoredOrder.from_row, "orders_open")


def absent_of(tx: Tx, client_order_ids: Iterable[str]) -> list[StoredOrder]:
    """Orders among `client_order_ids` that count as never having reached the venue."""
    ids = json.dumps(list(client_order_ids))
    return tx.typed(StoredOrder.from_row, "orders_absent_of", client_order_ids=ids)


def live_symbols(tx: Tx) -> set[str]:
    return set(tx.column("orders_live_symbols"))
