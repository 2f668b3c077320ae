"""Doubts: why a report that can be read is not believed, where it is new.

A doubt holds the item in quarantine with its reason; what the ledger has already is a repeat.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.clock import iso
from engine.ledger.fee_doubts import strange_fee
from engine.ledger.fills import Fill, FillDetails
from engine.ledger.markets import Market, MarketKind
from engine.ledger.sides import position_side
from engine.ledger.terms import Terms
from engine.money import EXACT, canonical, parse_decimal, share

NO_IDS = {"none", "null", "nan", "undefined"}
NO_TRADES = {
    "funding", "fundingfee", "funding_fee", "settle", "settlement", "sessionsettlepnl", "interest",
    "transfer", "deposit", "withdrawal",
}  # fmt: skip
ONE = Decimal(1)


class BareNumber(str):
    """A number of JSON with a point or an exponent, as it was written."""


def judged(
    fill: Fill, market: Market, item: Mapping[str, Any], terms: Terms, *, has_ids: bool
) -> Fill:
    """The fill with what its report says of its position, and with the first doubt."""
    doubt = (
        (id_doubt(item) if has_ids else None)
        or _time_doubt(fill, terms.earliest_ms)
        or _kind_doubt(item)
        or currency_doubt(fill, market)
        or _fees_doubt(fill, item)
    )
    if market.is_booked_as_spot:
        return replace(fill, market=market, doubt=doubt)
    size, size_doubt = _contract_size(fill, market, item, terms.contract_size)
    side, side_doubt = position_side(item) if market.is_contract else (None, None)
    details = FillDetails(
        market_id=market.market_id,
        position_side=side,
        contract_size=None if size is None else canonical(size),
    )
    strange = _strange_fee(fill, market, size, terms) if fill.fees else None
    return replace(
        fill,
        details=details if any(details) else None,
        market=market,
        doubt=doubt or size_doubt or side_doubt or (strange if terms.through_library else None),
        strange_fee=strange,
    )


def _strange_fee(fill: Fill, market: Market, size: Decimal | None, terms: Terms) -> str | None:
    size = ONE if market.kind is MarketKind.SPOT else size
    value = None if size is None else value_of(fill, market, size)
    return strange_fee(fill, market, value, terms)


def _fees_doubt(fill: Fill, item: Mapping[str, Any]) -> str | None:
    """Whether `fee` and `fees`, which may say the same thing, contradict each other."""
    fee, fees = item.get("fee"), item.get("fees")
    if not (isinstance(fee, Mapping) and isinstance(fees, list)):
        return None
    currency, cost = fee.get("currency"), fee.get("cost")
    stated = [entry for entry in fees if entry.get("cost") is not None]
    if cost is None or not stated:
        return None
    total = next((charge.cost for charge in fill.fees if charge.currency == currency), Decimal(0))
    entries = [_number(entry["cost"]) for entry in stated if entry.get("currency") == currency]
    if _number(cost) in (total, *entries):
        return None
    return f"fee: {_shown(cost)} {currency} is not what fees says, {canonical(total)}"


def id_doubt(item: Mapping[str, Any]) -> str | None:
    trade_id = item.get("id")
    if isinstance(trade_id, BareNumber):
        return (
            f"id: {trade_id} is a number with a point or an exponent, whose digits may be lost: "
            "write ids as text"
        )
    if isinstance(trade_id, str) and trade_id.casefold() in NO_IDS:
        return (
            f"id: {trade_id!r} is what a program writes for no id; a new ledger with "
            "recorded.trade_ids = 'none' is for rows without ids"
        )
    return None


def _time_doubt(fill: Fill, earliest_ms: int) -> str | None:
    if fill.ts_ms >= earliest_ms:
        return None
    return (
        f"timestamp: {fill.ts_ms} is before {iso(earliest_ms)[:10]} (the setting earliest): are "
        "these seconds? Milliseconds are needed"
    )


def _kind_doubt(item: Mapping[str, Any]) -> str | None:
    """What a row says it is besides a trade."""
    info = item.get("info")
    places = [("type", item.get("type"))]
    if isinstance(info, Mapping):
        places += [(f"info.{name}", info.get(name)) for name in ("execType", "exec_type", "type")]
    for name, value in places:
        if isinstance(value, str) and value.casefold() in NO_TRADES:
            return f"{name}: {value!r} is no trade; quarantine resolve --drop passes over it"
    return None


def currency_doubt(fill: Fill, market: Market) -> str | None:
    names = {name.casefold(): name for name in (market.base, market.quote, market.money)}
    for fee in fill.fees:
        name = names.get(fee.currency.casefold(), fee.currency)
        if name != fee.currency:
            return f"fee.currency: {fee.currency!r} differs from {name!r} by case only"
    return None


def _contract_size(
    fill: Fill, market: Market, item: Mapping[str, Any], by_settings: Decimal | None
) -> tuple[Decimal | None, str | None]:
    """The size of one contract, null on spot, and what is wrong with it.

    The item's own comes first, then that of the settings, then what its cost tells.
    """
    if market.kind is MarketKind.OTHER:
        return None, (
            f"symbol: {fill.symbol} is an option or a contract settled in a third currency, which "
            "are not booked yet; quarantine resolve --drop passes over it"
        )
    if market.kind is MarketKind.SPOT:
        return None, _cost_doubt(fill, market, ONE, item)
    stated = item.get("contractSize")
    if stated is not None:
        size = _above_zero(stated)
        if size is None:
            return None, f"contractSize: {_shown(stated)} is not a number above zero"
        return size, _cost_doubt(fill, market, size, item)
    if by_settings is not None:
        return by_settings, _cost_doubt(fill, market, by_settings, item)
    cost, value = _cost(item), value_of(fill, market, ONE)
    agrees = cost is not None and _cost_doubt(fill, market, ONE, item) is None
    # What is written in few digits agrees with much, and tells nothing then.
    if cost and value and agrees and 2 * EXACT.subtract(cost, value).copy_abs() < value:
        return ONE, None
    witness = "no cost says it either" if cost is None else f"the cost of {cost} says it is not 1"
    return None, (
        f"contractSize: the size of a contract of {fill.symbol} is not stated, and {witness}; "
        f"recorded.contract_sizes names it"
    )


def _cost_doubt(fill: Fill, market: Market, size: Decimal, item: Mapping[str, Any]) -> str | None:
    """A report's own cost is a witness: it agrees within a hundredth, with or without the fee."""
    cost, value = _cost(item), value_of(fill, market, size)
    if value is None:
        return "price: a price of 0 gives an inverse contract no value"
    if cost is None:
        return None
    room = _room(cost, value)
    fees = next((fee.cost for fee in fill.fees if fee.currency == market.money), Decimal(0))
    candidates = (value, EXACT.add(value, fees), EXACT.subtract(value, fees))
    if any(EXACT.subtract(cost, other).copy_abs() <= room for other in candidates):
        return None
    return (
        f"cost: {cost} is not amount · contract size · price, which is {canonical(value)} "
        f"{market.money} at a size of {canonical(size)}"
    )


def _room(cost: Decimal, value: Decimal) -> Decimal:
    """How far a cost may be from the value: a hundredth, or two of the last digit it is written
    with, which a power of ten is not."""
    digit = min(Decimal((0, (1,), cost.as_tuple().exponent)), ONE)  # type: ignore[arg-type]
    return max(EXACT.multiply(value, Decimal("0.01")), EXACT.add(digit, digit))


def value_of(fill: Fill, market: Market, size: Decimal) -> Decimal | None:
    """The value of a fill in the market's money; null of an inverse contract at no price."""
    qty = EXACT.multiply(fill.qty, size)
    if market.kind is not MarketKind.INVERSE:
        return EXACT.multiply(qty, fill.price)
    return share(qty, ONE, fill.price) if fill.price else None


def _cost(item: Mapping[str, Any]) -> Decimal | None:
    """The report's own cost; one that is not above zero is no witness."""
    return _above_zero(item.get("cost"))


def _above_zero(value: object) -> Decimal | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _number(value: object) -> Decimal | None:
    try:
        return parse_decimal(value)
    except ValueError:
        return None


def _shown(value: object) -> str:
    return ascii(value)[:60]
