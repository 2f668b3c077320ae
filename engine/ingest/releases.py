"""Releases: items in quarantine that nobody has to decide about, for their fills are booked.

A file was repaired, or a clock put right: the fill that an item stands for came readable.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.ledger.reports import Edge, Outline, outline
from engine.money import parse_decimal
from engine.store.tx import Tx
from engine.text import storable
from engine.venues.registry import shares_unreadable


class Release(NamedTuple):
    """An open item and the fill it stands for, which the ledger has or TX 1 is about to book."""

    item_id: int
    trade_id: str
    symbol: str


def releases_due(tx: Tx, coming: Iterable[tuple[Fill, str]], latest_ms: int) -> tuple[Release, ...]:
    """The open items whose fill is in the ledger, or among those that are `coming`, each with the
    text it was read from.

    An item is recognised by its text; else by its trade id, unless something else contradicts.
    """
    items = tx.rows("quarantine_open")
    if not items:
        return ()
    coming = list(coming)
    texts = {storable(text): fill for fill, text in coming}
    outlines = dict(_outlines(tx, items, texts, latest_ms))
    fills = {fill.trade_id: Outline.of(fill) for fill, _ in reversed(coming)}
    fills |= _booked(tx, outlines.values())
    return tuple(_matches(outlines, fills))


def release(tx: Tx, releases: Iterable[Release], cycle_id: int, now_ms: int) -> None:
    """Part of TX 1, behind the append: what is released and what is booked is one decision."""
    rows = json.dumps([(item.item_id, item.trade_id) for item in releases])
    tx.run("quarantine_release", releases=rows, cycle_id=cycle_id, now_ms=now_ms)


def _outlines(
    tx: Tx, items: Iterable[tuple[int, str, str]], texts: Mapping[str, Fill], latest_ms: int
) -> Iterator[tuple[int, Outline]]:
    """The outline of each item; of one that was served to every market its market may be null."""
    identity = Identity.of(tx)
    one_for_all = shares_unreadable(identity.venue)
    edge = Edge(identity.trade_ids, latest_ms)
    for item_id, symbol, raw in items:
        fill = texts.get(raw)
        if fill is not None:
            yield item_id, Outline.of(fill)
            continue
        item = outline(raw, edge)
        if item.symbol is None and not one_for_all:
            item = item._replace(symbol=symbol)
        yield item_id, item


def _booked(tx: Tx, outlines: Iterable[Outline]) -> dict[str, Outline]:
    """The ledger's fills under the outlines' trade ids."""
    ids = json.dumps([item.trade_id for item in outlines if item.trade_id is not None])
    return {
        trade_id: Outline(
            trade_id, symbol, side, parse_decimal(qty), parse_decimal(price), ts_ms, order_id
        )
        for trade_id, symbol, side, qty, price, ts_ms, order_id in tx.rows(
            "fill_outlines", trade_ids=ids
        )
    }


def _matches(outlines: Mapping[int, Outline], fills: Mapping[str, Outline]) -> Iterator[Release]:
    for item_id, item in outlines.items():
        fill = fills.get(item.trade_id) if item.trade_id is not None else None
        if fill is not None and item.agrees(fill):
            yield Release(item_id, fill.trade_id or "", fill.symbol or "")
