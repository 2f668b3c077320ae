"""Orders as the ledger's file keeps them. Functions here run inside a transaction."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.errors import StoreCorrupt
from engine.money import canonical, parse_decimal
from engine.store.statements import SQL
from engine.trading.strategies import OpenOrder
from engine.venue import OrderRequest, Side, VenueOrder


class OrderState(StrEnum):
    """`intended` is stored and may have been sent; `unknown` was sent without an answer;
    `absent` turned out never to have reached the venue."""

    INTENDED = "intended"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    ABSENT = "absent"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """A stored order. Quantity in base units, price in quote units per base unit."""

    client_order_id: str
    cycle_id: int
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    status: OrderState
    submit_outcome: str | None

    @property
    def as_open(self) -> OpenOrder:
        return OpenOrder(self.client_order_id, self.symbol, self.side, self.qty, self.price)


@dataclass(frozen=True, slots=True)
class Intended:
    """An order the strategy wants, or that was refused for `reason`, before anything is sent."""

    request: OrderRequest
    decision_price: Decimal | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an order that was to be sent. `outcome` is accepted, rejected or unknown;
    null, as is the time, where it was refused at the last moment."""

    client_order_id: str
    status: OrderState
    outcome: str | None
    submitted_ms: int | None
    exchange_order_id: str | None = None
    reason: str | None = None


def intend(
    connection: sqlite3.Connection, orders: Iterable[Intended], cycle_id: int, now_ms: int
) -> None:
    for order in orders:
        request = order.request
        row = (
            request.client_order_id,
            cycle_id,
            request.symbol,
            request.side,
            canonical(request.qty),
            canonical(request.price),
            canonical(order.decision_price) if order.decision_price is not None else None,
            OrderState.REFUSED if order.reason else OrderState.INTENDED,
            order.reason,
            now_ms,
        )
        connection.execute(SQL["order_intend"], row).fetchall()


def keep_sent(connection: sqlite3.Connection, sent: Iterable[Sent], now_ms: int) -> None:
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


def keep_found(
    connection: sqlite3.Connection,
    found: Sequence[tuple[StoredOrder, VenueOrder | None]],
    now_ms: int,
) -> set[int]:
    """Keep what the venue knows of orders, or that it knows nothing.

    Returns the cycles that turn out to have sent more than was counted, or to have booked fills of
    an order that was not known well. Their metrics are dropped here: a row that is missing gets
    rebuilt, a wrong one would stay.
    """
    revised = {order.cycle_id for order, known in found if known and not order.submit_outcome}
    for cycle_id in revised:
        connection.execute(SQL["metrics_drop"], (cycle_id,)).fetchall()
    for order, known in found:
        values = {"client_order_id": order.client_order_id, "now_ms": now_ms}
        if known is None:
            values["reason"] = "the venue does not know it"
            connection.execute(SQL["order_absent"], values).fetchall()
            continue
        values |= {
            "status": known.status,
            "exchange_order_id": known.exchange_order_id,
            "submitted_ms": known.ts_ms,
        }
        connection.execute(SQL["order_resolved"], values).fetchall()
        if order.status is not OrderState.OPEN:
            values["cycle_id"] = order.cycle_id
            dropped = connection.execute(SQL["metrics_drop_of_fills"], values).fetchall()
            revised |= {row[0] for row in dropped}
    return revised


def keep_canceled(
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
    """Those of `client_order_ids` that were believed never to have reached the venue."""
    return _orders(connection, "orders_absent_of", json.dumps(list(client_order_ids)))


def live_symbols(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute(SQL["orders_live_symbols"]).fetchall()}


def _orders(connection: sqlite3.Connection, name: str, *values: str) -> list[StoredOrder]:
    return [_order(*row) for row in connection.execute(SQL[name], values).fetchall()]


def _order(
    client_order_id: str,
    cycle_id: int,
    symbol: str,
    side: str,
    qty: str,
    price: str,
    status: str,
    outcome: str | None,
) -> StoredOrder:
    """Raises `StoreCorrupt` for what this program does not write."""
    try:
        figures = parse_decimal(qty), parse_decimal(price)
        return StoredOrder(
            client_order_id, cycle_id, symbol, Side(side), *figures, OrderState(status), outcome
        )
    except ValueError as error:
        raise StoreCorrupt(
            f"the order {client_order_id} in the table orders is damaged: {error}"
        ) from error
