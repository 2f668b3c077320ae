"""Releases: items in quarantine that nobody has to decide about, for their fills are booked.

A file was repaired, or a clock put right: the fill that an item stands for came readable.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.ledger.markets import Markets
from engine.ledger.names import in_root
from engine.ledger.reports import Edge, Outline, outline, outlined_id
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
    waiting = [_Waiting(*row) for row in tx.rows("quarantine_open")]
    return tuple(_releases(tx, waiting, list(coming), latest_ms)) if waiting else ()


def release(tx: Tx, releases: Iterable[Release], cycle_id: int, now_ms: int) -> None:
    """Close the items whose fills the ledger has by now; where it fails, the next cycle does."""
    rows = json.dumps([(item.item_id, item.trade_id) for item in releases])
    tx.run("quarantine_release", releases=rows, cycle_id=cycle_id, now_ms=now_ms)


class _Waiting(NamedTuple):
    """An open item, and the market it came with."""

    item_id: int
    symbol: str
    raw: str

    def outline(self, edge: Edge, one_for_all: bool) -> Outline:
        """Its outline; the market may be null where the item was served to all."""
        item = outline(self.raw, edge)
        return item if item.symbol or one_for_all else item._replace(symbol=self.symbol)


def _releases(
    tx: Tx, waiting: Iterable[_Waiting], coming: Sequence[tuple[Fill, str]], latest_ms: int
) -> Iterator[Release]:
    identity = Identity.of(tx)
    one_for_all = shares_unreadable(identity.venue)
    coming_markets = {fill.symbol: fill.market for fill, _ in coming if fill.market}
    markets = Markets(tx)
    pinned = coming_markets | dict(markets.known)
    edge = Edge(identity.trade_ids, latest_ms, pinned=pinned)
    texts = {storable(text): fill for fill, text in coming}
    ids = {
        item: texts[item.raw].trade_id if item.raw in texts else outlined_id(item.raw, edge)
        for item in waiting
    }
    fills = {fill.trade_id: Outline.of(fill) for fill, _ in reversed(coming)}
    of_root = {trade_id: in_root(trade_id, markets) for trade_id in ids.values() if trade_id}
    fills |= _booked(tx, [*of_root, *of_root.values()])
    for item, trade_id in ids.items():
        fill = fills.get(trade_id or "") or fills.get(of_root.get(trade_id or "") or "")
        if fill is None:
            continue
        same_text = texts.get(item.raw)
        its = Outline.of(same_text) if same_text else item.outline(edge, one_for_all)
        if _under_one_name(its, markets).agrees(_under_one_name(fill, markets)):
            yield Release(item.item_id, fill.trade_id or "", fill.symbol or "")


def _under_one_name(outline: Outline, markets: Markets) -> Outline:
    """The outline with the name that its market goes by, without the id that is made with it."""
    symbol = outline.symbol and markets.root(outline.symbol)
    return outline._replace(symbol=symbol, trade_id=None)


def _booked(tx: Tx, trade_ids: Iterable[str | None]) -> dict[str, Outline]:
    """The ledger's fills under some trade ids."""
    ids = json.dumps([trade_id for trade_id in trade_ids if trade_id])
    rows = tx.rows("fill_outlines", trade_ids=ids)
    return {
        trade_id: Outline(trade_id, symbol, side, parse_decimal(qty), parse_decimal(price), *rest)
        for trade_id, symbol, side, qty, price, *rest in rows
    }
