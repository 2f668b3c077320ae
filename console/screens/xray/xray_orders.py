"""The rest of a cycle's x-ray: orders decided and why, metrics, what it complained of."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from console.kit.formats import clock, count, money, signed
from console.kit.line_widget import caption, fitted, width_of
from console.kit.lines import Line, Tone, joined, line
from console.kit.scrolled import Scrolled
from console.screens.cycles.cycle_facts import complaints, measured
from console.screens.xray.explain_rows import by_sign

if TYPE_CHECKING:
    from engine import CycleResult, Logged, OrderLine, Xray

_TONES = {
    "accepted": Tone.OK,
    "refused": Tone.ATTENTION,
    "unknown": Tone.ATTENTION,
    "intended": Tone.ATTENTION,
    "absent": Tone.ATTENTION,
    "rejected": Tone.DANGER,
}
_SIGNS = {"accepted": "✓", "refused": "◆", "rejected": "✗"}
_LEVELS = {"warning": Tone.ATTENTION, "error": Tone.DANGER, "critical": Tone.DANGER}
_LABEL = 8


class XrayOrders(Scrolled):
    def __init__(self) -> None:
        super().__init__(id="xray-orders", classes="panel")
        self.border_title = "metrics · orders · log"
        self._xray: Xray | None = None
        self._logs: Sequence[Logged] = ()
        self._local = False

    def show(self, xray: "Xray", logs: "Sequence[Logged]", *, local: bool) -> None:
        """`logs` are the messages kept in memory; those about this cycle are listed."""
        wanted = str(xray.result.cycle_id)
        self._logs = [found for found in logs if found.detail.get("cycle_id") == wanted]
        self._xray, self._local = xray, local
        caption(self, subtitle=_subtitle(xray.result))
        self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        if self._xray is None:
            return
        result = self._xray.result
        yield from complaints(result)
        yield from _metrics(self._xray)
        yield from _orders(self._xray.orders) if self._xray.orders else [_no_orders(result)]
        for logged in self._logs:
            if logged.event != "cycle":  # The cycle's own report: all of it is on this screen.
                yield _message(logged, self._local)


def _orders(orders: "Sequence[OrderLine]") -> Iterator[Line]:
    qty = max(len(money(order.qty)) for order in orders)
    symbol = max(width_of(line(order.symbol)) for order in orders)
    price = max(len(money(order.price)) for order in orders)
    for order in orders:
        label = "cancel" if order.canceled else "intent"
        size = f"{order.side:<4} {money(order.qty):>{qty}} "
        at = f" @ {money(order.price):>{price}}"
        market = fitted(line(order.symbol), symbol)
        fate = (("canceled", Tone.DIM),) if order.canceled else _fate(order)
        told = [
            line((f"{label:<{_LABEL}}", Tone.DIM), size, market, at),
            fate,
            line((order.client_order_id, Tone.FAINT)),
        ]
        yield joined(told, "  ")
        if order.reason:
            yield line((" " * _LABEL + order.reason, Tone.DIM))


def _fate(order: "OrderLine") -> Line:
    """What was answered, and what became of it: `✓ accepted → filled`."""
    answer = order.submit_outcome or order.status
    sign = _SIGNS.get(answer, "◆")
    then = f" → {order.status}" if order.status != answer else ""
    return line((f"{sign} {answer}", _TONES.get(answer, Tone.PLAIN)), (then, Tone.PLAIN))


def _no_orders(result: "CycleResult") -> Line:
    told = "a replay never sends orders" if result.kind == "replay" else "none"
    return line((f"{'orders':<{_LABEL}}{told}", Tone.DIM))


def _metrics(xray: "Xray") -> Iterator[Line]:
    result = xray.result
    label = (f"{'metrics':<{_LABEL}}", Tone.DIM)
    if not result.committed:
        yield line(label, ("none: nothing was committed", Tone.DIM))
        return
    if not result.metrics_persisted:
        yield line(label, ("◆ not persisted", Tone.ATTENTION), ("  m rebuilds them", Tone.DIM))
        return
    yield line(label, measured(result))
    if xray.fees:
        fees = " · ".join(f"{money(fee)} {name}" for name, fee in xray.fees.items())
        yield line((f"{'fees':<{_LABEL}}", Tone.DIM), fees)
    longest = max((width_of(line(symbol)) for symbol in xray.pnl), default=0)
    for symbol, pnl in xray.pnl.items():
        market = fitted(line(symbol), longest)
        yield line((f"{'pnl':<{_LABEL}}", Tone.DIM), market, *_pnl(pnl))


def _pnl(pnl: "dict[str, str | None]") -> Iterator[Line]:
    for name in ("realized", "net", "unrealized"):
        if (value := pnl.get(name)) is not None:
            shown = name.replace("realized", "realised")
            yield line((f"  {shown} ", Tone.DIM), (signed(value), by_sign(value)))


def _message(logged: "Logged", local: bool) -> Line:
    detail = "  ".join(f"{name}={value}" for name, value in logged.detail.items())
    return line(
        (f"{clock(logged.ts_ms, ms=True, local=local)} ", Tone.DIM),
        (f"{logged.level} ", _LEVELS.get(logged.level, Tone.DIM)),
        logged.event,
        (f"  {detail}", Tone.DIM),
    )


def _subtitle(result: "CycleResult") -> str:
    parts = []
    for found, name in ((result.errors, "error"), (result.warnings, "warning")):
        if found:
            parts.append(f"{count(len(found))} {name}{'' if len(found) == 1 else 's'}")
    return " · ".join(parts)
