"""Hypothesis strategies for what a venue may report."""

from typing import Any

from hypothesis import strategies as st

from engine.ledger.event_types import OF_TRADES, TYPES, IdForm
from tests.builders import T0, reported

SYMBOLS = ["BTC/USDT", "XRP/ETH"]


@st.composite
def amounts(draw: st.DrawFn) -> str:
    """Positive decimals in text: small round ones that meet, and some of 23 digits."""
    digits = draw(st.integers(1, 9) | st.integers(1, 10**23 - 1))
    places = draw(st.integers(0, 23))
    text = str(digits).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}" if places else text


@st.composite
def fees(draw: st.DrawFn, symbol: str) -> list[dict[str, str]]:
    """None, one or several, in base, quote or a third currency; zeros and rebates too."""
    base, quote = symbol.split("/")
    found = []
    for currency in draw(st.lists(st.sampled_from([base, quote, "BNB"]), max_size=3)):
        sign = draw(st.sampled_from(["", "", "-"]))
        cost = draw(st.sampled_from(["0", "0.001", "1"]) | amounts())
        found.append({"cost": sign + cost, "currency": currency})
    return found or [{"cost": "0", "currency": quote}]


@st.composite
def fills(
    draw: st.DrawFn, max_size: int = 20, symbols: list[str] = SYMBOLS, min_size: int = 0
) -> list[dict[str, Any]]:
    """Fills with ids of their own, numeric or not, many of them in the same milliseconds."""
    count = draw(st.integers(min_size, max_size))
    found = []
    for number in draw(st.permutations(range(1, count + 1))):
        symbol = draw(st.sampled_from(symbols))
        found.append(
            reported(
                draw(st.sampled_from(["", "t"])) + str(number),
                draw(st.sampled_from(["buy", "sell"])),
                draw(st.sampled_from(["1", "2", "3", "0.7"]) | amounts()),
                draw(st.sampled_from(["100", "99.9", "0"]) | amounts()),
                draw(st.integers(1, 12)) * 1_000,
                symbol,
                fees=draw(fees(symbol)),
            )
        )
    return found


# Of every kind that is booked, with sizes of contracts; hedged where sides are given.
MARKETS: list[dict[str, Any]] = [
    {"symbol": "BTC/USDT"},
    {"symbol": "BNB/USDT"},
    {"symbol": "BTC/EUR"},
    {"symbol": "ETH/USDT:USDT", "contractSize": "0.01"},
    {"symbol": "DOGE/USDT:USDT-261225", "contractSize": "100"},
    {"symbol": "BTC/USD:BTC", "contractSize": "100"},
    {"symbol": "BTC/USDT:USDT", "contractSize": "1", "positionSide": "long"},
    {"symbol": "BTC/USDT:USDT", "contractSize": "1", "positionSide": "short"},
]


@st.composite
def account_fills(draw: st.DrawFn, max_size: int = 16) -> list[dict[str, Any]]:
    """Fills of an account that trades several kinds of market, many in the same milliseconds."""
    items = []
    for number in draw(st.permutations(range(1, draw(st.integers(1, max_size)) + 1))):
        market = draw(st.sampled_from(MARKETS))
        price = draw(st.sampled_from(["100", "99.9", "31000.07"]) | amounts())
        items.append(
            reported(
                str(number),
                draw(st.sampled_from(["buy", "sell"])),
                draw(st.sampled_from(["1", "2", "3", "0.7"]) | amounts()),
                price,
                draw(st.integers(1, 9)) * 1_000,
                fees=draw(fees(market["symbol"].partition(":")[0])),
                **market,
            )
        )
    return items


@st.composite
def account_events(draw: st.DrawFn, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Account events of every type beside an account's fills, as `account_event` takes them, with
    the ids that they get. Among the BOOKED are some of trades that are never reported."""
    trades = [*(str(item["id"]) for item in items), "never"]
    found = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        kind = draw(st.sampled_from(sorted(TYPES.keys() - set(OF_TRADES))))
        event: dict[str, Any] = {"kind": kind, "ts_ms": T0 + draw(st.integers(1, 9)) * 1_000}
        if TYPES[kind].id_form is IdForm.NUMBER:
            event |= {"number": number, "event_id": f"{kind.lower()}:{number}"}
        else:
            source_id = draw(st.sampled_from(["", "x"])) + str(number)
            event |= {"source": "s", "source_id": source_id}
            event["event_id"] = f"{kind.lower()}:s:{source_id}"
            if draw(st.booleans()):
                event |= {"leg": "2", "event_id": event["event_id"] + ":2"}
        found.append(event | draw(_carried(kind, trades)))
    return found


@st.composite
def _carried(draw: st.DrawFn, kind: str, trades: list[str]) -> dict[str, Any]:
    """What an event of a type carries."""
    form = draw(st.sampled_from([sorted(form) for form in TYPES[kind].carries]))
    sign = draw(st.sampled_from(["", "-"]))
    amount = sign + draw(st.sampled_from(["1", "0.3", "250"]) | amounts())
    values = {
        "symbol": draw(st.sampled_from(["BTC/USDT", "ETH/USDT:USDT"])),
        "asset": "USDT" if "symbol" in form else draw(st.sampled_from(["BTC", "USDT", "BNB"])),
        "stated_balance": amount,
        "qty": sign + draw(st.sampled_from(["1", "2"])),
        "amount": amount,
        "exchange_trade_id": draw(st.sampled_from(trades)),
    }
    carried = {name: values[name] for name in form}
    if "qty" in carried and "amount" in carried:
        carried["cost"] = carried.pop("amount")
    if kind not in ("ASSERT", "BOOKED") and "symbol" not in carried:
        carried["wallet"] = draw(st.sampled_from(["main", "main", "earn"]))
    return {_PARTS.get(name, name): value for name, value in carried.items()}


_PARTS = {"stated_balance": "stated", "exchange_trade_id": "trade_id"}
