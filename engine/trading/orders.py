"""The account's orders in the ledger's file. Functions here run inside a transaction."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from engine.errors import StoreCorrupt
from engine.money import canonical, parse_decimal
from engine.store.statements import SQL
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


def intend(
    connection: sqlite3.Connection, orders: Iterable[Intended], cycle_id: int, now_ms: int
) -> None:
    for intended in orders:
        order, mark = intended.order, intended.decision_price
        row = (
            order.client_order_id,
            cycle_id,
            order.symbol,
            order.side,
            canonical(order.qty),
            canonical(order.price),
            canonical(mark) if mark is not None else None,
            OrderState.REFUSED if intended.reason else OrderState.INTENDED,
            intended.reason,
            now_ms,
        )
        connection.execute(SQL["order_intend"], row).fetchall()


def store_sent(connection: sqlite3.Connection, sent: Iterable[Sent], now_ms: int) -> None:
    for order in sent:
        values = {
            "client_order_id": order.client_order_id,
            "status": order.status,
            "reason": order.reason,
            "submit_outcome": order.outcome,
            "submitted_ms": order.submitted_ms,
            "exchange_order_id": order.exchange_order_id,
            "now_ms": now_ms,
        }
        connection.execute(SQL["order_sent"], values).fetchall()


def store_reports(
    connection: sqlite3.Connection, reports: Sequence[OrderReport], now_ms: int
) -> set[int]:
    """Bring orders up to the venue's reports; an order without one is absent.

    Returns the cycles whose figures are others now: they sent more than was counted, or booked
    fills of an order that was not open in the ledger. Their metrics are dropped here: a row that is
    missing gets rebuilt, a wrong one would stay.
    """
    revised = {order.cycle_id for order, report in reports if report and not order.submit_outcome}
    for cycle_id in revised:
        connection.execute(SQL["metrics_drop"], (cycle_id,)).fetchall()
    for order, report in reports:
        values = {"client_order_id": order.client_order_id, "now_ms": now_ms}
        if report is None:
            values["reason"] = "the venue does not know it"
            connection.execute(SQL["order_absent"], values).fetchall()
            continue
        values |= {
            "status": report.status,
            "exchange_order_id": report.exchange_order_id,
            "submitted_ms": report.ts_ms,
        }
        connection.execute(SQL["order_resolved"], values).fetchall()
        if order.status is not OrderState.OPEN:
            values["cycle_id"] = order.cycle_id
            dropped = connection.execute(SQL["metrics_drop_of_fills"], values).fetchall()
            revised |= {row[0] for row in dropped}
    return revised


def store_canceled(
    connection: sqlite3.Connection, client_order_ids: Iterable[str], cycle_id: int, now_ms: int
) -> None:
    for client_order_id in client_order_ids:
        values = {"client_order_id": client_order_id, "cycle_id": cycle_id, "now_ms": now_ms}
        connection.execute(SQL["order_canceled"], values).fetchall()


def unresolved(connection: sqlite3.Connection) -> list[StoredOrder]:
    return _orders(connection, "orders_unresolved")


def open_orders(connection: sqlite3.Connection) -> list[StoredOrder]:
    return _orders(connection, "orders_open")


def absent_of(connection: sqlite3.Connection, client_order_ids: Iterable[str]) -> list[StoredOrder]:
    """Orders among `client_order_ids` that count as never having reached the venue."""
    return _orders(connection, "orders_absent_of", json.dumps(list(client_order_ids)))


def live_symbols(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute(SQL["orders_live_symbols"]).fetchall()}


def _orders(connection: sqlite3.Connection, name: str, *values: str) -> list[StoredOrder]:
    return [StoredOrder.from_row(*row) for row in connection.execute(SQL[name], values).fetchall()]
