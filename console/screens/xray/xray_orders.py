"""The rest of a cycle's x-ray: orders decided and why, metrics, errors and warnings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from console.kit.formats import clock, money, plural, signed
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, fitted, joined, line, widest
from console.kit.scrolled import Scrolled
from console.screens.shared.cycle_story import CycleStory
from console.screens.xray.explain_rows import by_sign

if TYPE_CHECKING:
    from engine import Logged, OrderLine, Xray

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
        """Of the messages in memory those about this cycle are listed."""
        result, wanted = xray.result, str(xray.result.cycle_id)
        self._logs = [message for message in logs if message.detail.get("cycle_id") == wanted]
        self._xray, self._local = xray, local
        many = ((len(result.errors), "error"), (len(result.warnings), "warning"))
        caption(self, subtitle=" · ".join(plural(number, name) for number, name in many if number))
        self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        if self._xray is None:
            return
        result = self._xray.result
        yield from CycleStory(result).complaints()
        yield from self._metrics(self._xray)
        if self._xray.orders:
            yield from self._orders(self._xray.orders)
        else:
            none = "a replay never sends orders" if result.kind == "replay" else "none"
            yield line((f"{'orders':<{_LABEL}}{none}", Tone.DIM))
        for message in self._logs:
            if message.event != "cycle":  # The cycle's own report: all of it is on this screen.
                yield self._message(message)

    def _orders(self, orders: "Sequence[OrderLine]") -> Iterator[Line]:
        qty = max(len(money(order.qty)) for order in orders)
        symbol = widest(order.symbol for order in orders)
        price = max(len(money(order.price)) for order in orders)
        for order in orders:
            label = "cancel" if order.canceled else "intent"
            size = f"{order.side:<4} {money(order.qty):>{qty}} "
            at = f" @ {money(order.price):>{price}}"
            market = fitted(line(order.symbol), symbol)
            parts = [
                line((f"{label:<{_LABEL}}", Tone.DIM), size, market, at),
                self._fate(order),
                line((order.client_order_id, Tone.FAINT)),
            ]
            yield joined(parts, "  ")
            if order.reason:
                yield line((" " * _LABEL + order.reason, Tone.DIM))

    @staticmethod
    def _fate(order: "OrderLine") -> Line:
        """The venue's answer, and what became of the order: `✓ accepted → filled`."""
        if order.canceled:
            return (("canceled", Tone.DIM),)
        answer = order.submit_outcome or order.status
        sign = _SIGNS.get(answer, "◆")
        then = f" → {order.status}" if order.status != answer else ""
        return line((f"{sign} {answer}", _TONES.get(answer, Tone.PLAIN)), (then, Tone.PLAIN))

    @staticmethod
    def _metrics(xray: "Xray") -> Iterator[Line]:
        result = xray.result
        label = (f"{'metrics':<{_LABEL}}", Tone.DIM)
        if not result.committed:
            yield line(label, ("none: nothing was committed", Tone.DIM))
            return
        if not result.metrics_persisted:
            yield line(label, ("◆ not persisted", Tone.ATTENTION), ("  m rebuilds them", Tone.DIM))
            return
        yield line(label, CycleStory(result).measured())
        if xray.fees:
            fees = " · ".join(f"{money(fee)} {name}" for name, fee in xray.fees.items())
            yield line((f"{'fees':<{_LABEL}}", Tone.DIM), fees)
        longest = widest(xray.pnl)
        for symbol, pnl in xray.pnl.items():
            yield line((f"{'pnl':<{_LABEL}}", Tone.DIM), fitted(line(symbol), longest), *_pnl(pnl))

    def _message(self, message: "Logged") -> Line:
        detail = "  ".join(f"{name}={value}" for name, value in message.detail.items())
        return line(
            (f"{clock(message.ts_ms, ms=True, local=self._local)} ", Tone.DIM),
            (f"{message.level} ", _LEVELS.get(message.level, Tone.DIM)),
            message.event,
            (f"  {detail}", Tone.DIM),
        )


def _pnl(pnl: "dict[str, str | None]") -> Iterator[Line]:
    for name in ("realized", "net", "unrealized"):
        if (value := pnl.get(name)) is not None:
            yield line((f"  {name} ", Tone.DIM), (signed(value), by_sign(value)))
