"""Which side of a hedged position a raw row names, in the words of its exchange."""

from typing import Any

import pytest

from engine.ledger.sides import position_side


def named(side: str, **info: Any) -> tuple[str | None, str | None]:
    return position_side({"side": side, "info": info})


@pytest.mark.parametrize(
    ("side", "info", "expected"),
    [
        ("buy", {"tradeSide": "open"}, "long"),
        ("sell", {"tradeSide": "Open", "posMode": "hedge_mode"}, "short"),
        ("sell", {"tradeSide": "close", "posSide": "long"}, "long"),
        ("buy", {"tradeSide": "close", "posSide": "short"}, "short"),
        ("sell", {"tradeSide": "burst_close_long"}, "long"),
        ("buy", {"tradeSide": "reduce_close_short"}, "short"),
    ],
)
def test_what_opens_names_its_side_and_what_closes_where_it_is_named(
    side: str, info: dict[str, str], expected: str
) -> None:
    assert named(side, **info) == (expected, None)


@pytest.mark.parametrize(
    ("side", "info"),
    [
        # As Bitget's own rows have it: a buy closes a long position.
        ("buy", {"tradeSide": "close", "posMode": "hedge_mode"}),
        ("sell", {"tradeSide": "close"}),
        ("buy", {"tradeSide": "close", "posSide": "long"}),
        ("buy", {"tradeSide": "open", "posSide": "short"}),
        ("buy", {"tradeSide": "burst_close_long"}),
        ("sell", {"tradeSide": "close_long", "posSide": "short"}),
    ],
)
def test_what_can_be_read_in_two_ways_is_doubted_with_the_remedy(
    side: str, info: dict[str, str]
) -> None:
    found, doubt = named(side, **info)
    assert found is None
    assert doubt is not None
    assert info["tradeSide"] in doubt
    assert "quarantine resolve --as" in doubt


@pytest.mark.parametrize(
    "info",
    [
        {"tradeSide": "buy_single"},
        {"tradeSide": "BUY"},
        {"tradeSide": "close", "posMode": "one_way_mode"},
        {"tradeSide": "open", "posSide": "net"},
        {"tradeSide": 1},
        {"dir": "Open Long"},
        {"dir": "Close Short"},
        {"dir": "Long > Short"},
    ],
)
def test_one_way_rows_are_of_the_net_position(info: dict[str, Any]) -> None:
    """Hyperliquid's `dir` tells what a fill did to the one position that there is."""
    assert named("buy", **info) == (None, None)
