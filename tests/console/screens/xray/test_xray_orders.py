"""Orders of a cycle, under one another."""

from rich.cells import cell_len

from console.kit.lines import plain
from console.screens.xray.xray_orders import XrayOrders
from engine.history.xray import OrderLine, Xray
from tests.console import published as p


def order(symbol: str) -> OrderLine:
    return OrderLine(
        client_order_id="c1",
        symbol=symbol,
        side="buy",
        qty="1",
        price="100",
        decision_price=None,
        status="open",
        reason=None,
        submit_outcome="accepted",
        exchange_order_id=None,
        canceled=False,
    )


def test_prices_stand_in_one_column_whatever_the_markets_letters() -> None:
    found = Xray(
        result=p.result(7),
        evidence=True,
        windows=(),
        fills=(),
        positions_before={},
        positions_after={},
        orders=(order("币安人生/USDT"), order(p.BTC)),
        fees={},
        pnl={},
        replays=(),
    )
    panel = XrayOrders()
    panel.show(found, (), local=False)
    orders = [text for found in panel.lines(120) if (text := plain(found)).startswith("intent")]
    assert len({cell_len(text.partition("@")[0]) for text in orders}) == 1
