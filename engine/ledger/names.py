"""Names of markets: which of them the operator said are one market, or two; and which may be one,
for fills of both look alike."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.ledger import disputes
from engine.ledger.contents import Content, is_relabelled
from engine.ledger.events import Event
from engine.ledger.identity import Identity
from engine.ledger.markets import Markets
from engine.store.tx import Tx
from engine.venue import TradeIds

NEVER = 2**63


class MarketNames:
    """The names of a ledger's markets. `waiting` are those that may be others under another name:
    nothing new of them is booked until that is decided."""

    def __init__(self, tx: Tx, markets: Markets, *, has_conflicts: bool = True) -> None:
        self._tx = tx
        self._markets = markets
        self._suspected = disputes.suspected(tx) if has_conflicts else {}
        self._named = set(self._suspected)
        self._distinct: dict[frozenset[str], int] | None = None

    @property
    def waiting(self) -> frozenset[str]:
        return frozenset(self._suspected)

    def first(self, symbols: Collection[str]) -> str:
        """The one that was pinned first; of markets that are not, the first by code point."""
        return min(symbols, key=self._rank)

    def suspect(self, symbols: Collection[str]) -> None:
        """Take names for those of one market, unless the operator said that they are not."""
        old = self.first(symbols)
        new = [name for name in symbols if name != old and self.distinct({old, name}) is None]
        self._suspected |= dict.fromkeys(new, old)

    def is_named_first(self, symbol: str) -> bool:
        """Whether nothing was kept yet that says what a market is suspected for."""
        is_first = symbol not in self._named
        self._named.add(symbol)
        return is_first

    def distinct(self, symbols: Collection[str]) -> int | None:
        """The commit in which the operator said that they are two markets."""
        if self._distinct is None:
            rows = self._tx.rows("distinct_all")
            self._distinct = {frozenset(pair): number for *pair, number in rows}
        return self._distinct.get(frozenset(symbols))

    def twins(self, fresh: Mapping[str, Sequence[Event]]) -> Iterator[tuple[str, Event]]:
        """New fills, by their ids, and the fill each has in another market: the same id within the
        market, and the same content. Each is one of the ledger, or of the new ones."""
        of_markets: dict[str, dict[str, Event]] = defaultdict(dict)
        for trade_id, (fill, *_) in fresh.items():
            if bare := within_market(trade_id, self._qualifier(fill)):
                of_markets[fill.traded_in][bare] = fill
        if len(of_markets.keys() | self._markets.commits.keys()) < 2:
            return
        paired: set[str] = set()
        for symbol, fills in sorted(of_markets.items()):
            yield from self._alike(self._stored_twins(symbol, fills), paired)
        yield from self._alike(self._among(of_markets), paired)

    def _stored_twins(self, symbol: str, fills: Mapping[str, Event]) -> list[tuple[Event, Event]]:
        """A market's new fills, each with those of the ledger that it may be: under another name of
        the market at whatever time, in any other market at the same."""
        ids, times = json.dumps([*fills]), sorted({fill.ts for fill in fills.values()})
        span = {"times": json.dumps(times), "first_ms": times[0], "last_ms": times[-1]}
        rows = self._tx.rows("twins_at_times", ids=ids, symbol=symbol, **span)
        if names := [name for name in self._markets.of(symbol).names if name != symbol]:
            rows += self._tx.rows("twins_by_name", ids=ids, names=json.dumps(names))
        place = {bare: number for number, bare in enumerate(fills)}
        pairs = [(bare, Event._make(row)) for bare, *row in rows]
        pairs.sort(key=lambda pair: (place[pair[0]], pair[1].traded_in))
        return [(fills[bare], twin) for bare, twin in pairs]

    def _among(
        self, of_markets: Mapping[str, Mapping[str, Event]]
    ) -> Iterator[tuple[Event, Event]]:
        """Pairs of new fills of several markets that may be one, that of the first market last."""
        firsts: dict[tuple[Any, ...], Event] = {}
        for symbol in sorted(of_markets, key=self._rank):
            root = self._markets.root(symbol)
            for bare, fill in of_markets[symbol].items():
                content = bare, fill.ts, fill.side, fill.qty, fill.price
                for key in (content, (bare, root)):
                    first = firsts.setdefault(key, fill)
                    if first is not fill:
                        yield fill, first

    def _rank(self, symbol: str) -> tuple[int, str]:
        return self._markets.commits.get(symbol, NEVER), symbol

    def _qualifier(self, fill: Event) -> str:
        """The prefix of a market's fill ids, where they are unique within it only."""
        market = self._markets.stored(fill.traded_in)
        if market is not None:
            return market.qualifier
        own = fill.trade_id.startswith(f"{fill.traded_in}:")
        return fill.traded_in if own else fill.market_id or fill.traded_in

    def _alike(
        self, pairs: Iterable[tuple[Event, Event]], paired: set[str]
    ) -> Iterator[tuple[str, Event]]:
        for fill, other in pairs:
            if fill.trade_id in paired or self.distinct({fill.traded_in, other.traded_in}):
                continue
            fields = Content(other, {}).contradicted_by(Content(fill, {}))
            same_market = self._markets.root(fill.traded_in) == self._markets.root(other.traded_in)
            if same_market or is_relabelled(fields):
                paired.add(fill.trade_id)
                yield fill.trade_id, other


def suspect_booked_twins(tx: Tx, markets: Markets, cycle_id: int) -> None:
    """Open a suspicion for each market name whose fills an earlier program booked under another
    name, too: where ids were unique within a market, it told the two from each other."""
    identity = Identity.read(tx)
    if identity is None or identity.trade_ids is not TradeIds.MARKET:
        return
    names = MarketNames(tx, markets, has_conflicts=False)
    for (bare,) in tx.rows("twins_booked"):
        fills = {
            event.symbol: event
            for event in tx.typed(Event, "fills_within_markets", source_id=bare)
            if event.symbol is not None
        }
        if len(fills) < 2:
            continue  # A row was removed by hand, which `verify` names.
        old = names.first(fills)
        for new in sorted(fills.keys() - {old}):
            fields = Content(fills[old], {}).contradicted_by(Content(fills[new], {}))
            if is_relabelled(fields) and names.is_named_first(new):
                pair = {"symbol": (old, new)}
                kind = disputes.DisputeKind.RELABELLED
                disputes.keep(tx, whole_report(tx, fills[new]), kind, pair, cycle_id)


def whole_report(tx: Tx, fill: Event) -> list[Event]:
    """A stored fill with its fees."""
    fee_id = f"fee:{fill.trade_id}"
    fees = tx.typed(Event, "stored_fees", fee_id=fee_id)
    return [fill, *(fee for fee in fees if fee.exchange_trade_id == fee_id)]


def within_market(trade_id: str, qualifier: str) -> str | None:
    """The id that a trade has within its market; null where it has one in the account, or none."""
    bare = trade_id.removeprefix(f"{qualifier}:")
    return None if bare == trade_id or bare.startswith(":") else bare


def in_root(trade_id: str, markets: Markets) -> str | None:
    """The id that a trade of a market under another name has in the market that it is."""
    for market in markets.pinned:
        bare = within_market(trade_id, market.qualifier)
        if bare is not None and market.alias_of is not None:
            return f"{markets.of(market.symbol).qualifier}:{bare}"
    return None
