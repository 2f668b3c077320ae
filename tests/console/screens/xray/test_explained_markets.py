"""Which markets a cycle's x-ray explains."""

from console.screens.xray.explain import markets_of, position_of
from engine.history.outcomes import EventOutcome
from engine.history.xray import FillLine, Xray
from tests.console import published as p

NEW = EventOutcome("fill:1", "FILL", "inserted", 7)
SEEN = EventOutcome("fill:1", "FILL", "ignored", 6)
CONTRADICTED = EventOutcome("fill:2", "FILL", "conflicting", 6)


def markets(*fills: FillLine, oversold: str = "") -> list[str]:
    symbols = (p.BTC, p.ETH, p.SOL)
    return markets_of(
        Xray(
            result=p.result(7),
            evidence=True,
            windows=(),
            fills=fills,
            positions_before={},
            positions_after={s: p.position(oversold=s == oversold) for s in symbols},
            orders=(),
            fees={},
            pnl={},
            replays=(),
        )
    )


def fill(symbol: str, *events: EventOutcome) -> FillLine:
    return FillLine(symbol=symbol, raw="", events=events)


def test_markets_that_moved_come_first_in_the_order_of_their_fills() -> None:
    found = markets(fill(p.SOL, SEEN), fill(p.ETH, NEW), fill(p.BTC, NEW), fill(p.ETH, NEW))
    assert found == [p.ETH, p.BTC, p.SOL]


def test_of_those_that_moved_the_ones_in_trouble_come_first() -> None:
    moved = (fill(p.BTC, NEW), fill(p.ETH, NEW), fill(p.SOL, NEW))
    assert markets(*moved, oversold=p.SOL) == [p.SOL, p.BTC, p.ETH]
    assert markets(*moved, fill(p.ETH, CONTRADICTED)) == [p.ETH, p.BTC, p.SOL]
    unread = FillLine(symbol=p.SOL, raw="{", reason="no price", status="open")
    assert markets(*moved, unread) == [p.SOL, p.BTC, p.ETH]


def test_positions_with_a_side_or_a_wallet_have_the_fills_and_their_market_has_none() -> None:
    swap, xrp = "BTC/USDT:USDT", "XRP/USDT"
    names = (f"{swap} long", f"{swap} short", f"{xrp} @earn", f"{xrp} @main", p.BTC)
    short = FillLine(symbol=swap, position=f"{swap} short", raw="", events=(NEW,))
    assert position_of(short, names) == f"{swap} short"
    assert position_of(fill(xrp, NEW), names) == f"{xrp} @main"
    assert position_of(fill("A/B", NEW), names) == "A/B"


def test_trouble_alone_does_not_put_a_market_that_did_not_move_before_one_that_did() -> None:
    assert markets(fill(p.SOL, NEW), fill(p.BTC, CONTRADICTED)) == [p.SOL, p.BTC, p.ETH]
