"""Execute: intents become orders, each sent at most once.

An order is stored with its client id before it is sent. A time-out leaves it `unknown`, never
`rejected`; unknowns are looked up by client id before anything new is sent.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog

from engine.clock import now_ms
from engine.errors import (
    OrderNotFound,
    StrategyFailed,
    VenueError,
    VenueTransient,
)
from engine.settings import RiskSettings
from engine.store.store import Store
from engine.trading import orders
from engine.trading.orders import Intended, OrderState, Sent, StoredOrder
from engine.trading.risk import RiskGate
from engine.trading.strategies import CancelOrder, Intent, OpenOrder, PlaceOrder, Snapshot, Strategy
from engine.venue import OrderRequest, OrderStatus, Venue, VenueOrder
from engine.venues.retrying import Retrying

log = structlog.get_logger("cycledeck.execution")


@dataclass(slots=True)
class Executed:
    """What the execute step did so far.

    `errors` are (symbol, message) of what did not work; `revised` the earlier cycles whose counts
    turned out otherwise, and whose metrics were dropped for it.
    """

    submitted: int = 0
    canceled: int = 0
    rejects: int = 0
    refused: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    revised: set[int] = field(default_factory=set)


class Execution:
    """`check_lease` raises `LeaseLost`; it is called before each order and cancel is sent.

    Before each order the kill switch is looked at, too.
    """

    def __init__(
        self,
        store: Store,
        venue: Venue,
        retrying: Retrying,
        strategy: Strategy,
        risk: RiskSettings,
        kill_switch_file: Path,
        check_lease: Callable[[], Awaitable[None]],
        ledger_id: str,
    ) -> None:
        self._store = store
        self._venue = venue
        self._retrying = retrying
        self._strategy = strategy
        self._risk = risk
        self._kill_switch_file = kill_switch_file
        self._check_lease = check_lease
        self._ledger_id = ledger_id

    async def resolve(self) -> set[int]:
        """Look up every order whose fate is not known.

        Returns the cycles whose counts changed; their metrics were dropped.
        """
        waiting = await self._store.read(orders.unresolved)
        found = []
        for order in waiting:
            try:
                known = await self._look_up(order.symbol, order.client_order_id)
            except VenueError as error:
                log.warning("order_unresolved", order=order.client_order_id, error=str(error))
                continue
            found.append((order, known))
        return await self._keep_found(found)

    async def run(
        self, cycle_id: int, snapshot: Snapshot, blocked: Iterable[str], done: Executed
    ) -> None:
        """Refresh the open orders, ask the strategy, cancel, check, store, send.

        `done` keeps the score. What could not be canceled counts against the limits.

        No new order goes to `blocked` markets: what is held there is not known for sure.
        """
        await self._refresh(snapshot.symbols, done)
        snapshot = replace(snapshot, open_orders=await self._open())
        intents = self._decide(snapshot)
        canceled = await self._cancel(cycle_id, snapshot, intents, done)
        resting = [o for o in snapshot.open_orders if o.client_order_id not in canceled]
        snapshot = replace(snapshot, open_orders=tuple(resting))
        intended = await self._judge(cycle_id, snapshot, intents, blocked)
        done.refused = sum(order.reason is not None for order in intended)
        await self._store.write(
            partial(orders.intend, orders=intended, cycle_id=cycle_id, now_ms=now_ms())
        )
        await self._send(intended, snapshot.now_ms, done)

    async def _look_up(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        lookup = partial(self._venue.fetch_order_by_client_id, symbol, client_order_id)
        return await self._retrying(lookup)

    def killed(self) -> str | None:
        """Why no order may be sent at all; null while they may."""
        if self._risk.kill_switch:
            return "kill_switch is set"
        file = self._kill_switch_file
        try:
            return f"kill switch file {file} exists" if file.exists() else None
        except OSError as error:
            return f"kill switch file {file} cannot be looked for: {error.strerror}"

    async def _open(self) -> tuple[OpenOrder, ...]:
        return tuple(order.as_open for order in await self._store.read(orders.open_orders))

    async def _refresh(self, symbols: Iterable[str], done: Executed) -> None:
        """Bring the stored open orders up to what the venue says of them."""
        ours = await self._store.read(orders.open_orders)
        found: list[tuple[StoredOrder, VenueOrder | None]] = []
        for symbol in symbols:
            try:
                found += await self._refresh_market(symbol, ours)
            except VenueError as error:
                done.errors.append((symbol, f"open orders not refreshed: {error}"))
        done.revised |= await self._keep_found(found)

    async def _refresh_market(
        self, symbol: str, ours: Sequence[StoredOrder]
    ) -> list[tuple[StoredOrder, VenueOrder | None]]:
        listed = {
            order.client_order_id: order
            for order in await self._retrying(partial(self._venue.fetch_open_orders, symbol))
        }
        gone = [o for o in ours if o.symbol == symbol and o.client_order_id not in listed]
        found = [(order, await self._look_up(symbol, order.client_order_id)) for order in gone]
        ids = [client_order_id for client_order_id in listed if client_order_id is not None]
        absent = await self._store.read(partial(orders.absent_of, client_order_ids=ids))
        return found + [(order, listed[order.client_order_id]) for order in absent]

    async def _keep_found(self, found: list[tuple[StoredOrder, VenueOrder | None]]) -> set[int]:
        if not found:
            return set()
        return await self._store.write(partial(orders.keep_found, found=found, now_ms=now_ms()))

    def _decide(self, snapshot: Snapshot) -> Sequence[Intent]:
        try:
            return tuple(self._strategy(snapshot))
        except Exception as error:
            raise StrategyFailed(f"{type(error).__name__}: {error}") from error

    async def _judge(
        self,
        cycle_id: int,
        snapshot: Snapshot,
        intents: Sequence[Intent],
        blocked: Iterable[str],
    ) -> list[Intended]:
        unresolved = await self._store.read(orders.unresolved)
        gate = RiskGate(
            self._risk,
            snapshot.positions,
            snapshot.marks,
            snapshot.open_orders,
            killed=self.killed(),
            blocked=dict.fromkeys(blocked, "its fills are not all known")
            | {order.symbol: "an earlier order is unresolved" for order in unresolved},
        )
        places = [intent for intent in intents if isinstance(intent, PlaceOrder)]
        return [
            Intended(
                OrderRequest(
                    self._client_order_id(snapshot.now_ms, cycle_id, index),
                    p.symbol,
                    p.side,
                    p.qty,
                    p.price,
                ),
                snapshot.marks.get(p.symbol),
                gate.refuse(p),
            )
            for index, p in enumerate(places, 1)
        ]

    def _client_order_id(self, venue_ms: int, cycle_id: int, index: int) -> str:
        """Alphanumeric and at most 32 characters, as exchanges want it. The venue's time keeps a
        ledger that was restored from a backup from using an id again."""
        return f"cd{self._ledger_id}x{venue_ms:x}x{cycle_id}x{index}"

    async def _cancel(
        self, cycle_id: int, snapshot: Snapshot, intents: Sequence[Intent], done: Executed
    ) -> list[str]:
        """Cancel what is to be and is still open; returns what is canceled now."""
        still_open = {order.client_order_id for order in snapshot.open_orders}
        canceled: list[str] = []
        try:
            for intent in intents:
                if isinstance(intent, CancelOrder) and intent.client_order_id in still_open:
                    await self._check_lease()
                    if await self._withdraw(intent, done):
                        canceled.append(intent.client_order_id)
        finally:
            done.canceled = len(canceled)
            if canceled:
                keep = partial(orders.keep_canceled, client_order_ids=canceled, cycle_id=cycle_id)
                await self._store.write(partial(keep, now_ms=now_ms()))
        return canceled

    async def _withdraw(self, intent: CancelOrder, done: Executed) -> bool:
        """Whether the order is canceled now."""
        symbol, order_id = intent.symbol, intent.client_order_id
        try:
            try:
                await self._retrying(partial(self._venue.cancel, symbol, order_id))
            except OrderNotFound:
                # Filled meanwhile, or canceled by an attempt whose answer was lost.
                known = await self._look_up(symbol, order_id)
                return known is not None and known.status is OrderStatus.CANCELED
        except VenueError as error:
            done.errors.append((symbol, f"cancel {order_id}: {error}"))
            return False
        return True

    async def _send(self, intended: Iterable[Intended], venue_ms: int, done: Executed) -> None:
        sent: list[Sent] = []
        try:
            for order in intended:
                if order.reason is None:
                    await self._check_lease()
                    sent.append(await self._submit(order.request, venue_ms, done))
        finally:
            done.submitted = sum(order.outcome is not None for order in sent)
            done.rejects = sum(order.outcome == "rejected" for order in sent)
            done.refused += sum(order.outcome is None for order in sent)
            if sent:
                await self._store.write(partial(orders.keep_sent, sent=sent, now_ms=now_ms()))

    async def _submit(self, request: OrderRequest, venue_ms: int, done: Executed) -> Sent:
        order_id = request.client_order_id
        if (killed := self.killed()) is not None:
            return Sent(order_id, OrderState.REFUSED, None, None, reason=killed)
        try:
            order = await self._venue.submit(request)
        except VenueTransient as error:
            done.errors.append((request.symbol, f"order {order_id} is unknown: {error}"))
            return Sent(order_id, OrderState.UNKNOWN, "unknown", venue_ms, reason=str(error))
        except VenueError as error:
            log.warning("order_rejected", order=order_id, error=str(error))
            return Sent(order_id, OrderState.REJECTED, "rejected", venue_ms, reason=str(error))
        status = OrderState(OrderStatus(order.status).value)
        return Sent(order_id, status, "accepted", order.ts_ms, order.exchange_order_id)
