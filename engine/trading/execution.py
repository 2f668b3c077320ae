"""Execute: intents become orders, each sent at most once.

An order is stored with its client id before it is sent. A time-out leaves it `unknown`, never
`rejected`; the venue is asked for unknown orders, by client id, before it is sent new ones.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog

from engine.clock import now_ms
from engine.errors import OrderNotFound, StrategyFailed, VenueError, VenueTransient
from engine.settings import RiskSettings
from engine.store.store import Store
from engine.trading import orders
from engine.trading.orders import Intended, OrderReport, OrderState, Sent, StoredOrder
from engine.trading.risk import RiskGate
from engine.trading.strategies import CancelOrder, Intent, PlaceOrder, Snapshot, Strategy
from engine.venue import LimitOrder, OrderStatus, Venue, VenueOrder
from engine.venues.retrying import Retrying

log = structlog.get_logger("cycledeck.execution")


@dataclass(slots=True)
class Executed:
    """The counts of an execute step, so far.

    `errors` are (symbol, message) of each failure. `revised` are the earlier cycles whose counts
    changed, and whose metrics were dropped for it.
    """

    submitted: int = 0
    canceled: int = 0
    rejects: int = 0
    refused: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    revised: set[int] = field(default_factory=set)


class Execution:
    """The execute step of an engine's cycles.

    `check_lease`, which raises `LeaseLost`, is called before each order and each cancel; before an
    order the kill switch is looked at, too.
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
        """Ask the venue for every order whose fate is open.

        Returns the cycles whose counts changed; their metrics were dropped.
        """
        reports: list[OrderReport] = []
        for order in await self._store.read(orders.unresolved):
            try:
                reports.append((order, await self._look_up(order.symbol, order.client_order_id)))
            except VenueError as error:
                log.warning("order_unresolved", order=order.client_order_id, error=str(error))
        return await self._store_reports(reports)

    async def run(
        self, cycle_id: int, snapshot: Snapshot, blocked: Iterable[str], done: Executed
    ) -> None:
        """Refresh the open orders, ask the strategy, cancel, check, store, send.

        `done` counts along. An order that could not be canceled counts against the limits.

        No new order goes to `blocked` markets: their positions are not certain.
        """
        await self._refresh(snapshot.symbols, done)
        resting = tuple(await self._store.read(orders.open_orders))
        snapshot = replace(snapshot, open_orders=resting)
        intents = self._decide(snapshot)
        canceled = await self._cancel(cycle_id, snapshot, intents, done)
        resting = tuple(order for order in resting if order.client_order_id not in canceled)
        snapshot = replace(snapshot, open_orders=resting)
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
        """The reason that no order may be sent at all; null while orders may be."""
        if self._risk.kill_switch:
            return "kill_switch is set"
        file = self._kill_switch_file
        try:
            return f"kill switch file {file} exists" if file.exists() else None
        except OSError as error:
            return f"kill switch file {file} cannot be looked for: {error.strerror}"

    async def _refresh(self, symbols: Iterable[str], done: Executed) -> None:
        """Bring the stored open orders up to the venue's reports of them."""
        ours = await self._store.read(orders.open_orders)
        reports: list[OrderReport] = []
        for symbol in symbols:
            try:
                reports += await self._reports(symbol, ours)
            except VenueError as error:
                done.errors.append((symbol, f"open orders not refreshed: {error}"))
        done.revised |= await self._store_reports(reports)

    async def _reports(self, symbol: str, ours: Sequence[StoredOrder]) -> list[OrderReport]:
        """Reports of a market's orders that the ledger has wrongly as open, or as absent."""
        listed = {
            order.client_order_id: order
            for order in await self._retrying(partial(self._venue.fetch_open_orders, symbol))
        }
        gone = [o for o in ours if o.symbol == symbol and o.client_order_id not in listed]
        ended = [(order, await self._look_up(symbol, order.client_order_id)) for order in gone]
        ids = [client_order_id for client_order_id in listed if client_order_id is not None]
        absent = await self._store.read(partial(orders.absent_of, client_order_ids=ids))
        return ended + [(order, listed[order.client_order_id]) for order in absent]

    async def _store_reports(self, reports: Sequence[OrderReport]) -> set[int]:
        if not reports:
            return set()
        work = partial(orders.store_reports, reports=reports, now_ms=now_ms())
        return await self._store.write(work)

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
            blocked=dict.fromkeys(blocked, "some of its fills may be missing")
            | {order.symbol: "an earlier order is unresolved" for order in unresolved},
        )
        order_id = partial(self._client_order_id, snapshot.now_ms, cycle_id)
        places = [intent for intent in intents if isinstance(intent, PlaceOrder)]
        return [
            Intended(
                LimitOrder(order_id(index), p.symbol, p.side, p.qty, p.price),
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
        """Cancel the orders that the intents name and that are still open; returns their ids."""
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
                work = partial(orders.store_canceled, client_order_ids=canceled, cycle_id=cycle_id)
                await self._store.write(partial(work, now_ms=now_ms()))
        return canceled

    async def _withdraw(self, intent: CancelOrder, done: Executed) -> bool:
        """Whether the order is canceled now."""
        symbol, order_id = intent.symbol, intent.client_order_id
        try:
            try:
                await self._retrying(partial(self._venue.cancel, symbol, order_id))
            except OrderNotFound:
                # Filled meanwhile, or canceled by an attempt whose answer was lost.
                report = await self._look_up(symbol, order_id)
                return report is not None and report.status is OrderStatus.CANCELED
        except VenueError as error:
            done.errors.append((symbol, f"cancel {order_id}: {error}"))
            return False
        return True

    async def _send(self, intended: Iterable[Intended], venue_ms: int, done: Executed) -> None:
        sent: list[Sent] = []
        try:
            for entry in intended:
                if entry.reason is None:
                    await self._check_lease()
                    sent.append(await self._submit(entry.order, venue_ms, done))
        finally:
            done.submitted = sum(order.outcome is not None for order in sent)
            done.rejects = sum(order.outcome == "rejected" for order in sent)
            done.refused += sum(order.outcome is None for order in sent)
            if sent:
                await self._store.write(partial(orders.store_sent, sent=sent, now_ms=now_ms()))

    async def _submit(self, order: LimitOrder, venue_ms: int, done: Executed) -> Sent:
        order_id = order.client_order_id
        if (killed := self.killed()) is not None:
            return Sent(order_id, OrderState.REFUSED, None, None, reason=killed)
        try:
            report = await self._venue.submit(order)
        except VenueTransient as error:
            done.errors.append((order.symbol, f"order {order_id} is unknown: {error}"))
            return Sent(order_id, OrderState.UNKNOWN, "unknown", venue_ms, reason=str(error))
        except VenueError as error:
            log.warning("order_rejected", order=order_id, error=str(error))
            return Sent(order_id, OrderState.REJECTED, "rejected", venue_ms, reason=str(error))
        status = OrderState(OrderStatus(report.status).value)
        return Sent(order_id, status, "accepted", report.ts_ms, report.exchange_order_id)
