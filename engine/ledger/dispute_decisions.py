"""Decisions about contents that do not agree, and about trades.

Runs inside TX 1.
"""

from dataclasses import replace

from engine.errors import DecisionRefused
from engine.ledger import disputes
from engine.ledger.decision import Deciding, text
from engine.ledger.disputes import Dispute, DisputeKind
from engine.ledger.event_types import OF_TRADES
from engine.ledger.events import DECISION, Event, source_id
from engine.ledger.markets import Market, MarketKind


def keep(deciding: Deciding) -> None:
    """Keep the fill that stands; of a clash nothing of which is booked, drop the content."""
    deciding.settle(_open_dispute(deciding), "refused")


def put_in_place(deciding: Deciding) -> None:
    """Book the content in the place of the fill that stands under its id."""
    dispute = _whole_dispute(deciding)
    standing = _standing(deciding, dispute.source_id)
    if not standing and deciding.fill(dispute.source_id) is None:
        raise DecisionRefused(
            f"conflict {dispute.id}: nothing of trade {dispute.source_id} is in the ledger "
            "that could be replaced; --book-as books this content, --keep drops it"
        )
    deciding.effects.void += standing
    for row in disputes.of_trade(deciding.tx, dispute.source_id):
        if row.booked_as is not None and source_id(row.booked_as) == dispute.source_id:
            deciding.settle(row, "refused")
    book_by_decision(deciding, dispute, dispute.source_id, "replaced")


def book_as(deciding: Deciding) -> None:
    """Book the content as a fill of its own, under an id that the operator gives it."""
    dispute, trade_id = _whole_dispute(deciding), text("--book-as", deciding.decision.trade_id)
    if trade_id.startswith(DECISION):
        raise DecisionRefused(f"--book-as {trade_id}: give the id without {DECISION!r}")
    if deciding.fill(trade_id) is not None or _stands_by_decision(deciding, trade_id):
        raise DecisionRefused(
            f"--book-as {trade_id}: the ledger has a trade of that id; give another one"
        )
    book_by_decision(deciding, dispute, trade_id, "booked")


def void(deciding: Deciding) -> None:
    """Void a trade, which the exchange took back, or which never was."""
    trade_id = text("TRADE", deciding.decision.trade_id)
    if not deciding.decision.reason.strip():
        raise DecisionRefused("give the --reason why the trade is void: it is kept for ever")
    fill = deciding.fill(trade_id)
    if fill is None:
        raise DecisionRefused(
            f"there is no trade {trade_id} in the ledger; its id is exchange_trade_id in "
            "ledger_events"
        )
    if trade_id in deciding.void:
        raise DecisionRefused(f"trade {trade_id} is void already")
    deciding.effects.void.append(fill)


def book_by_decision(deciding: Deciding, dispute: Dispute, trade_id: str, status: str) -> None:
    """Book a content under a decision's id."""
    book_content(deciding, dispute, f"{DECISION}{deciding.commit_seq}:{trade_id}", status)


def book_content(deciding: Deciding, dispute: Dispute, trade_id: str, status: str) -> None:
    events = [event.of_trade(trade_id) for event in dispute.events]
    market = deciding.markets.stored(dispute.symbol)
    if market is None:
        market = replace(Market.of(dispute.symbol), market_id=events[0].market_id)
        if market.kind is MarketKind.OTHER:
            raise DecisionRefused(
                f"conflict {dispute.id}: {dispute.symbol} is no market of this ledger yet, and "
                "what kind it is its name does not say; decide once a fill of it is booked"
            )
        deciding.change_market(None, market)
    elif deciding.markets.of(dispute.symbol).is_contract and not events[0].contract_size:
        raise DecisionRefused(
            f"conflict {dispute.id}: the size of a contract of {dispute.symbol} is not known"
        )
    deciding.effects.booked += events
    deciding.settle(dispute, status, trade_id)


def _open_dispute(deciding: Deciding) -> Dispute:
    rows = deciding.tx.typed(Dispute, "dispute_read", id=deciding.decision.conflict)
    if not rows:
        raise DecisionRefused(f"there is no conflict {deciding.decision.conflict}")
    (dispute,) = rows
    if dispute.status != "open":
        by = f", by decision {dispute.decided_seq}" if dispute.decided_seq else ""
        raise DecisionRefused(f"conflict {dispute.id} is decided: {dispute.status}{by}")
    if dispute.kind == DisputeKind.RELABELLED:
        old, new = dispute.fields["symbol"]
        raise DecisionRefused(
            f"conflict {dispute.id} is about the names of a market: decide with `markets alias "
            f"{new} {old}` or `markets distinct {new} {old}`"
        )
    return dispute


def _whole_dispute(deciding: Deciding) -> Dispute:
    dispute = _open_dispute(deciding)
    if dispute.events[0].type not in OF_TRADES:
        raise DecisionRefused(
            f"conflict {dispute.id} is about an account event: --keep keeps what stands; the "
            "difference is booked by `adjust`"
        )
    if not dispute.is_whole:
        raise DecisionRefused(
            f"conflict {dispute.id}: an earlier program kept one event of this content alone; "
            f"`replay {dispute.cycle_id}` keeps all of it, if its inputs are there still; else "
            "--keep, and `void` with `adjust`"
        )
    return dispute


def _standing(deciding: Deciding, trade_id: str) -> list[Event]:
    """The fills that stand under an id: the exchange's own, or what replaced it."""
    rows = disputes.of_trade(deciding.tx, trade_id)
    ids = [trade_id, *(row.booked_as for row in rows if row.booked_as is not None)]
    fills = [deciding.fill(each) for each in ids if source_id(each) == trade_id]
    void = deciding.void
    return [fill for fill in fills if fill is not None and fill.trade_id not in void]


def _stands_by_decision(deciding: Deciding, trade_id: str) -> bool:
    """Whether a decision booked a fill under an id, which is not void."""
    ids = deciding.tx.column("decided_fills", trade_id=trade_id)
    own = [each for each in ids if source_id(each) == trade_id]
    return bool(set(own) - deciding.void)
