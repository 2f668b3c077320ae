"""Fills as the cycle before read them from the venue's texts.

The lookback brings the same texts in every cycle. The fill that a text is read as follows from the
text and the edge alone, and its events from the fill: neither has to be worked out again. Nothing
here says what the ledger has: that a fill is claimed and its events are there unchanged, the
database is asked in every cycle. Replays and whatever proves something read everything anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from engine.ledger.events import Event
from engine.ledger.fills import Fill
from engine.ledger.reports import Edge


class FillCache:
    """The fills of the last cycle's texts by market, and the events of those that were repeats."""

    def __init__(self) -> None:
        self.events: dict[Fill, list[Event]] = {}
        self._texts: dict[str, tuple[Edge, Mapping[str, Fill]]] = {}

    def of(self, symbol: str, edge: Edge) -> Mapping[str, Fill]:
        """The fills of a market by their texts; empty where the edge differs in anything but
        a later `latest_ms`, which refuses nothing that an earlier one accepted."""
        if symbol not in self._texts:
            return {}
        before, fills = self._texts[symbol]
        is_later = edge.latest_ms >= before.latest_ms
        same = replace(_of_market(edge, symbol), latest_ms=before.latest_ms) == before
        return fills if is_later and same else {}

    def keep(self, symbol: str, edge: Edge, fills: Mapping[str, Fill]) -> None:
        """Keep the fills that a market's texts were read as, in place of those before."""
        self._texts[symbol] = _of_market(edge, symbol), fills

    def keep_only(self, symbols: Iterable[str], fills: Sequence[Fill]) -> None:
        """Forget other markets' texts, and the events of other fills where there are any."""
        self._texts = {symbol: self._texts[symbol] for symbol in symbols}
        if len(self.events) > len(fills):
            self.events = {fill: self.events[fill] for fill in fills if fill in self.events}


def _of_market(edge: Edge, symbol: str) -> Edge:
    """The edge with the pinned market alone that fills of a symbol are read by."""
    pinned = edge.pinned.get(symbol)
    return replace(edge, pinned={} if pinned is None else {symbol: pinned})
