"""The side of a hedged position that a raw row names, in the words of its exchange."""

from collections.abc import Mapping
from typing import Any

SIDES = {"long": "long", "short": "short", "both": None, "net": None}
# What Bybit numbers them by; 0 is one-way.
INDEXES = {"1": "long", "2": "short"}

Named = tuple[str | None, str | None]


def position_side(item: Mapping[str, Any]) -> Named:
    """The side of a hedged position, null where there is none, and what is wrong with it.

    Hyperliquid's `dir` names none: an account there has one position a market.
    """
    info = item.get("info")
    value = item.get("positionSide")
    if value in (None, "") and isinstance(info, Mapping):
        value = info.get("positionSide") or info.get("posSide")
        value = value or INDEXES.get(str(info.get("positionIdx")))
    if value is None or value == "":
        return _by_trade_side(item, None)
    if not isinstance(value, str) or value.casefold() not in SIDES:
        return None, f"positionSide: {_shown(value)} is none of {', '.join(SIDES)}"
    side = SIDES[value.casefold()]
    return _by_trade_side(item, side) if side else (None, None)


def _by_trade_side(item: Mapping[str, Any], named: str | None) -> Named:
    """The side by Bitget's `tradeSide`, which has to agree with one that is named besides.

    A buy that opens is of the long side. What closes is not as clear: Bitget's own rows call what
    closes a long position a buy, and where libraries leave that so, it would add to the position.
    """
    word = _trade_side(item)
    opens, book = word.startswith("open"), word.rpartition("_")[2]
    if word not in ("open", "close") and book not in ("long", "short"):
        return named, None
    side = "long" if (item.get("side") == "buy") == opens else "short"
    stated = {name for name in (named, book) if name in ("long", "short")}
    if stated == {side} or (opens and not stated):
        return side, None
    names = " and ".join(sorted(stated)) or "neither long nor short"
    return None, (
        f"tradeSide: {word!a} of a {item.get('side')} that names {names}: in some rows the side is "
        "the trade's, in others the position's; quarantine resolve --as, with positionSide and the "
        "trade's own side, books it"
    )


def _trade_side(item: Mapping[str, Any]) -> str:
    """The raw word, empty where there is none, or the account is in one-way mode."""
    info = item.get("info")
    if not isinstance(info, Mapping) or not isinstance(info.get("tradeSide"), str):
        return ""
    one_way = str(info.get("posMode")).casefold().startswith("one_way")
    return "" if one_way else str(info["tradeSide"]).casefold()


def _shown(value: object) -> str:
    return ascii(value)[:60]
