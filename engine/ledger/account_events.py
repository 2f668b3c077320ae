"""Account events: what moved a balance or a position without being a fill or its fee."""

import json
from decimal import Decimal

from engine.ledger.accounting import MAIN
from engine.ledger.event_types import OPENING, IdForm, check_carried, event_type
from engine.ledger.events import Event
from engine.money import canonical
from engine.store.tx import Tx


def account_event(
    kind: str,
    *,
    ts_ms: int,
    number: int | None = None,
    source: str | None = None,
    source_id: str | None = None,
    leg: str | None = None,
    wallet: str = MAIN,
    asset: str | None = None,
    amount: Decimal | None = None,
    symbol: str | None = None,
    qty: Decimal | None = None,
    cost: Decimal | None = None,
    position_side: str | None = None,
    margin_mode: str | None = None,
    trade_id: str | None = None,
    stated: Decimal | None = None,
    group_id: str | None = None,
    cause: str | None = None,
    reason: str | None = None,
    source_seq: int | None = None,
) -> Event:
    """The event of a type, `ts_ms` in UTC milliseconds.

    `number` counts the OPENINGs, or the ADJUSTs, which name a position by its market, and say its
    signed quantity and cost; all other events have the id that their `source` gave them. `stated`
    is what an ASSERT says of a balance, `qty` what it says of a position. `trade_id` is the trade
    that a BOOKED is of. Raises `ValueError` for what the type does not carry.
    """
    meta = {name: text for name, text in (("leg", leg), ("reason", reason)) if text is not None}
    event = Event(
        event_id=event_id(kind, number=number, source=source, source_id=source_id, leg=leg),
        ts=ts_ms, symbol=symbol, type=kind, side=None, qty=_text(qty), price=None, fee=None,
        fee_currency=None, exchange_trade_id=trade_id, exchange_order_id=None,
        client_order_id=None, meta_json=json.dumps(meta, separators=(",", ":")), hash=b"",
        wallet=None if wallet == MAIN else wallet, position_side=position_side,
        margin_mode=margin_mode, asset=asset, amount=_text(amount if cost is None else cost),
        group_id=group_id, cause=cause, source=source, source_seq=source_seq,
        stated_balance=_text(stated), version=2,
    )  # fmt: skip
    event = event._replace(hash=event.content_hash)
    check_account_event(event)
    return event


def event_id(
    kind: str,
    *,
    number: int | None = None,
    source: str | None = None,
    source_id: str | None = None,
    leg: str | None = None,
) -> str:
    """The id that an account event of a type has. Raises `ValueError` where it cannot have one."""
    form = event_type(kind).id_form
    if form is IdForm.NUMBER and number is not None and number > 0:
        return f"{kind.lower()}:{number}"
    if form is IdForm.SOURCE and source and source_id and ":" not in source:
        return ":".join(filter(None, (kind.lower(), source, source_id, leg)))
    raise ValueError(f"{kind}: its ids are {form.value}, with a source that has no colon")


def next_number(tx: Tx, kind: str) -> int:
    """The number that the next event has, of a type whose events are counted."""
    taken = tx.column("event_numbers", type=kind, prefix=f"{kind.lower()}:")
    return 1 + max(taken, default=0)


def check_account_event(event: Event) -> None:
    """Raises `ValueError` for an event that is not what its type says."""
    check_carried(event.type, event)
    if event_type(event.type).id_form is IdForm.TRADE:
        raise ValueError(f"{event.event_id}: a {event.type} comes with the report of its fill")
    if event_id(event.type, **event.id_parts) != event.event_id or event.version != 2:
        raise ValueError(f"{event.event_id}: not the id of a {event.type} from {event.source}")
    if event.type == OPENING and event.qty is not None:
        qty, cost = Decimal(event.qty), Decimal(event.amount or "")
        if cost and (not qty or (qty > 0) != (cost > 0)):
            raise ValueError(f"{event.event_id}: a cost of {cost} for a quantity of {qty}")


def _text(number: Decimal | None) -> str | None:
    return None if number is None else canonical(number)
