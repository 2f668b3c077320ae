"""The exchange's own SQLite file: the other side's memory, which outlives the engine's process."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.errors import VenueError, VenueUnavailable
from engine.money import canonical
from engine.store.ledger_file import PRIVATE, made
from engine.store.statements import load
from engine.venue import OrderStatus, Side, TradeIds, VenueOrder
from engine.venues.sim.market import MARKETS
from engine.venues.sim.state import (
    MarketState,
    State,
    Trade,
    decode_balances,
    decode_book,
    encode_balances,
    encode_book,
    founded,
)

APPLICATION_ID = 0x53494D56
VERSION = 1
LOCK_TIMEOUT_S = 2.0
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}


SQL = load("engine.venues.sim", "exchange.sql")


class StateFile:
    """Reads and writes within `transaction()`. Raises `VenueError` for what SQLite reports."""

    def __init__(self, path: Path | None) -> None:
        self._shown = str(path or "the exchange in memory")
        if path is not None:
            with suppress(OSError):  # It is there; or SQLite says why it cannot be made.
                os.close(made(path, PRIVATE))
        with self._translated():
            self._connection = sqlite3.connect(
                path or ":memory:", timeout=LOCK_TIMEOUT_S, isolation_level=None
            )

    def prepare(self, seed: int, trade_ids: TradeIds) -> None:
        """Open the exchange for its first day where the file is new.

        Raises `VenueError` where the file is another one's, or was started differently.
        """
        with self.transaction():
            if not self._value(SQL["tables"]):
                self._create(seed, trade_ids)
            self._check_kind()
            self.load()
            self._check_identity(seed, trade_ids)
        with self._translated():
            self._value("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is committed at its end, or nothing of it."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    # --- state

    def requests(self) -> int:
        return int(self._value(SQL["requests"]))

    def load(self) -> State:
        try:
            return self._load()
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise self._unusable(f"it is damaged ({error!r})") from error

    def _load(self) -> State:
        markets = {
            symbol: MarketState(MARKETS[symbol], decode_book(book), deviation, trades)
            for symbol, deviation, trades, book in self._rows("load_markets")
        }
        [(clock_ms, requests, orders, trades, balances)] = self._rows("load_exchange")
        in_order = {symbol: markets[symbol] for symbol in MARKETS}
        return State(clock_ms, requests, orders, trades, decode_balances(balances), in_order)

    def save(self, state: State) -> None:
        self._rows(
            "save_exchange",
            clock_ms=state.clock_ms,
            requests=state.requests,
            orders=state.orders,
            trades=state.trades,
            balances=encode_balances(state.balances),
        )
        for symbol in sorted(state.changed):
            market = state.markets[symbol]
            self._rows(
                "save_market",
                symbol=symbol,
                deviation=market.deviation,
                trades=market.trades,
                book=encode_book(market.book),
            )
        state.changed.clear()

    # --- orders and trades of the account

    def add_order(self, order: VenueOrder) -> None:
        self._rows(
            "add_order",
            client_order_id=order.client_order_id,
            exchange_order_id=order.exchange_order_id,
            symbol=order.symbol,
            side=order.side,
            qty=canonical(order.qty),
            filled=canonical(order.filled),
            price=canonical(order.price),
            status=order.status,
            ts=order.ts_ms,
        )

    def update_order(self, order: VenueOrder) -> None:
        self._rows(
            "update_order",
            filled=canonical(order.filled),
            status=order.status,
            exchange_order_id=order.exchange_order_id,
        )

    def order_by_client_id(self, client_order_id: str) -> VenueOrder | None:
        rows = self._rows("order_by_client_id", client_order_id=client_order_id)
        return next(map(_order, rows), None)

    def order_by_exchange_id(self, exchange_order_id: str) -> VenueOrder:
        [row] = self._rows("order_by_exchange_id", exchange_order_id=exchange_order_id)
        return _order(row)

    def open_orders(self, symbol: str) -> tuple[VenueOrder, ...]:
        """Oldest first."""
        return tuple(map(_order, self._rows("open_orders", symbol=symbol)))

    def add_trade(self, trade: Trade) -> None:
        self._rows("add_trade", **trade._asdict())

    def trade(self, number: int) -> Trade:
        [row] = self._rows("trade", number=number)
        return Trade._make(row)

    def trades(self, symbol: str, after: tuple[int, int], as_of_ms: int, limit: int) -> list[Trade]:
        """Those that follow the key (time, number) and are published by `as_of_ms`, ascending."""
        ts, number = after
        rows = self._rows(
            "page_of_trades", symbol=symbol, ts=ts, number=number, as_of_ms=as_of_ms, limit=limit
        )
        return [Trade._make(row) for row in rows]

    # --- beneath

    def _create(self, seed: int, trade_ids: TradeIds) -> None:
        for name, statement in SQL.items():
            if name.startswith("create_"):
                self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version={VERSION}")
        self._rows("add_exchange", seed=str(seed), trade_ids=trade_ids)
        self.save(founded(seed))

    def _check_kind(self) -> None:
        if self._value("PRAGMA application_id") != APPLICATION_ID:
            raise self._unusable("it is a database, but not one of the sim venue")
        version = self._value("PRAGMA user_version")
        if version != VERSION:
            raise self._unusable(f"it has version {version}, this program reads {VERSION}")

    def _check_identity(self, seed: int, trade_ids: TradeIds) -> None:
        [(stored_seed, stored_ids)] = self._rows("identity")
        if stored_seed != str(seed):
            raise VenueError(
                f"{self._shown} was started with seed {stored_seed}, not {seed}:"
                f" use seed {stored_seed}, or another file"
            )
        if stored_ids != trade_ids:
            raise VenueError(
                f"{self._shown} was started with trade_ids '{stored_ids}', not '{trade_ids}'"
            )

    def _rows(self, name: str, **values: Any) -> list[Any]:
        # Fetched and closed at once: an open cursor would hold up the commit.
        with closing(self._connection.execute(SQL[name], values)) as cursor:
            return cursor.fetchall()

    def _value(self, statement: str) -> Any:
        with closing(self._connection.execute(statement)) as cursor:
            return cursor.fetchall()[0][0]

    def _unusable(self, reason: str) -> VenueError:
        return VenueError(
            f"the sim venue's state {self._shown} cannot be used: {reason};"
            " accepted is a file that this venue made, or a path where there is none yet"
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) in _PASSING:
                raise VenueUnavailable(f"the sim venue's state {self._shown}: {error}") from error
            raise self._unusable(str(error)) from error


def _order(row: tuple[str, str, str, str, str, str, str, str, int]) -> VenueOrder:
    client_id, exchange_id, symbol, side, qty, filled, price, status, ts_ms = row
    return VenueOrder(
        client_order_id=client_id,
        exchange_order_id=exchange_id,
        symbol=symbol,
        side=Side(side),
        qty=Decimal(qty),
        filled=Decimal(filled),
        price=Decimal(price),
        status=OrderStatus(status),
        ts_ms=ts_ms,
    )
