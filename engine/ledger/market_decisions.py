"""Decisions about markets: what their names mean, and by which rules they are booked.

Runs inside TX 1.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from engine.errors import DecisionRefused
from engine.ledger.decision import Act, Deciding, Decision, text
from engine.ledger.dispute_decisions import book_by_decision, book_content
from engine.ledger.disputes import Dispute, DisputeKind
from engine.ledger.events import Event
from engine.ledger.markets import Market, MarketKind, Markets
from engine.ledger.sides import position_side
from engine.money import canonical, parse_decimal
from engine.store.tx import Tx


def alias(deciding: Deciding) -> None:
    """Make a market another name of one: its events fold into that one's positions."""
    new, old = _pair(deciding)
    if deciding.markets.root(old) == new:
        raise DecisionRefused(f"{old} is an alias of {new} already; undo that first")
    target = deciding.markets.stored(deciding.markets.root(old))
    if target is None:
        raise DecisionRefused(f"{old} is no market of this ledger")
    before = deciding.markets.stored(new)
    if before is not None and before.alias_of == target.symbol:
        raise DecisionRefused(f"{new} is an alias of {target.symbol} already")
    check_sizes(deciding, new, target)
    unknown = replace(target, symbol=new, market_id=None)
    after = replace(before or unknown, alias_of=target.symbol)
    deciding.change_market(before, replace(after, aliases=()))
    for alias in deciding.markets.of(new).aliases:
        deciding.change_market(alias, replace(alias, alias_of=target.symbol))
    names = {"symbol": new, "qualifier": after.qualifier, "of_other": target.qualifier}
    twins = deciding.tx.rows("booked_twins", **names)
    void = deciding.void
    deciding.effects.void += [fill for fill in map(Event._make, twins) if fill.trade_id not in void]
    for dispute in _suspicions(deciding, new, target.symbol):
        deciding.settle(dispute, "refused")


def remarks(tx: Tx, decision: Decision) -> Iterator[str]:
    """What a name differs in from its market, once it is an alias of that: a rename does so."""
    if decision.act is not Act.ALIAS or decision.market is None:
        return
    new, old = Market.of(decision.market), Markets(tx).of(decision.market)
    pairs = {"base": (new.base, old.base), "quote": (new.quote, old.quote)}
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if differing:
        counted = ", ".join(f"{ours} is counted as {theirs}" for ours, theirs in differing.values())
        names = " and ".join(differing)
        yield f"{new.symbol} and {old.symbol} differ in {names}: {counted}, as after a rename"


def check_sizes(deciding: Deciding, new: str, target: Market) -> None:
    """Refuse fills without a contract size, which would be counted as of size 1."""
    if not target.is_contract and deciding.tx.value("fills_with_size", symbol=new):
        raise DecisionRefused(
            f"fills of {new} are contracts of a size of their own, and {target.symbol} is none"
        )
    if not target.is_contract or target.contract_size is not None:
        return
    if deciding.tx.value("fills_without_size", symbol=new):
        raise DecisionRefused(
            f"fills of {new} do not say the size of a contract, and as {target.symbol} they "
            "would be contracts; a new ledger of fills that say it has it right"
        )


def distinct(deciding: Deciding) -> None:
    """Keep two markets apart, though trades of both look alike, and book the fills that waited."""
    new, old = _pair(deciding)
    if deciding.markets.root(new) == deciding.markets.root(old):
        raise DecisionRefused(f"{new} is an alias of {old}; undo that first")
    stored = {frozenset(pair) for *pair, _ in deciding.tx.rows("distinct_all")}
    if {new, old} in stored:
        raise DecisionRefused(f"{new} and {old} are distinct already")
    change = {"symbol": new, "other": old, "before": None, "after": deciding.commit_seq}
    deciding.effects.distinct.append(change)
    deciding.tx.run("distinct_keep", symbol=new, other=old, commit_seq=deciding.commit_seq)
    for dispute in _suspicions(deciding, new, old):
        _book_kept(deciding, dispute)


def _book_kept(deciding: Deciding, dispute: Dispute) -> None:
    stored = deciding.fill(dispute.source_id)
    if stored is None:
        book_content(deciding, dispute, dispute.source_id, "booked")
    elif stored.symbol != dispute.symbol:
        book_by_decision(deciding, dispute, dispute.source_id, "booked")
    else:
        deciding.settle(dispute, "refused")  # A booked twin: both are in the ledger.


def _pair(deciding: Deciding) -> tuple[str, str]:
    new, old = text("NEW", deciding.decision.market), text("OLD", deciding.decision.other)
    for name in (new, old):
        _check_name(name)
    if new == old:
        raise DecisionRefused(f"{new}: give two names")
    return new, old


def _suspicions(deciding: Deciding, new: str, old: str) -> list[Dispute]:
    rows = deciding.tx.typed(Dispute, "disputes_all")
    return [
        row
        for row in rows
        if row.status == "open"
        and row.kind == DisputeKind.RELABELLED
        and {new, old} == set(row.fields["symbol"])
    ]


def rebook(deciding: Deciding) -> None:
    """Book a contract anew as the contract it is, which an earlier program booked as spot."""
    symbol = text("MARKET", deciding.decision.market)
    before = deciding.markets.stored(symbol)
    if before is None:
        raise DecisionRefused(f"{symbol} is no market of this ledger")
    if before.alias_of is not None:
        raise DecisionRefused(
            f"{symbol} is another name of {before.alias_of}, and is booked by its rules; undo that "
            "first"
        )
    if not before.is_booked_as_spot:
        raise DecisionRefused(
            f"{symbol} is booked by today's rules already, as {before.kind.value}"
        )
    market = _as_kind(deciding, symbol)
    sizes, sided = _evidence(deciding, symbol)
    if sided:
        raise DecisionRefused(
            f"{symbol}: kept evidence names sides of a hedged account, which the rows that an "
            "earlier program booked do not; a new ledger has it right"
        )
    size = _size(deciding, symbol, sizes)
    after = replace(
        market,
        market_id=before.market_id,
        id_form=before.id_form,
        contract_size=canonical(size),
    )
    deciding.change_market(before, after)


def _as_kind(deciding: Deciding, symbol: str) -> Market:
    kinds = [MarketKind.LINEAR, MarketKind.INVERSE]
    accepted = " or ".join(kind.value for kind in kinds)
    if deciding.decision.kind not in kinds:
        raise DecisionRefused(f"--kind {deciding.decision.kind}: {accepted} is accepted")
    market = Market.of(symbol)
    if market.kind is MarketKind.OTHER:  # Settled in another asset: linear where it is called that.
        market = Market.of(symbol, linear=deciding.decision.kind == MarketKind.LINEAR)
    if market.kind != deciding.decision.kind:
        raise DecisionRefused(
            f"--kind {deciding.decision.kind}: {symbol} is settled in {market.money}, and so "
            f"{market.kind.value}"
        )
    return market


def _evidence(deciding: Deciding, symbol: str) -> tuple[set[str], bool]:
    """The contract sizes that kept reports of a market name, and whether any names a side."""
    sizes: set[str] = set()
    sided = bool(deciding.tx.value("sided_events", symbol=symbol))
    for (raw,) in deciding.tx.each("evidence_of", symbol=symbol):
        with suppress(ValueError):
            item = json.loads(raw, parse_float=str)
            if isinstance(item, dict):
                sided = sided or position_side(item)[0] is not None
                if item.get("contractSize") is not None:
                    sizes.add(canonical(parse_decimal(item["contractSize"])))
    return sizes, sided


def _size(deciding: Deciding, symbol: str, sizes: set[str]) -> Decimal:
    """The contract size: what kept evidence says, which the operator must not contradict."""
    if deciding.decision.size is None:
        if len(sizes) != 1:
            evidence = (
                f"kept evidence says {', '.join(sorted(sizes))}" if sizes else "none is known"
            )
            raise DecisionRefused(f"give the --size of a contract of {symbol}: {evidence}")
        return Decimal(next(iter(sizes)))
    try:
        size = parse_decimal(deciding.decision.size)
    except ValueError as error:
        raise DecisionRefused(f"--size: {error}") from None
    if size <= 0:
        raise DecisionRefused(f"--size {deciding.decision.size}: a number above zero is accepted")
    if sizes and canonical(size) not in sizes:
        raise DecisionRefused(
            f"--size {deciding.decision.size}: kept evidence of {symbol} says "
            f"{', '.join(sorted(sizes))}"
        )
    return size


def _check_name(name: str) -> None:
    try:
        Market.of(name)
    except ValueError as error:
        raise DecisionRefused(str(error)) from None
