"""Contents: what two reports say of one trade, compared as far as both know it."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any, NamedTuple

from engine.ledger.events import BASIC, FEE, Event

Contradiction = dict[str, tuple[Any, Any]]
Root = Callable[[str], str]

# In what contents of one id differ that are very likely two fills.
OF_ANOTHER_FILL = frozenset({"symbol", "side", "position_side", "exchange_order_id"})
# What two names of one market have in common, if they are that.
OF_ONE_FILL = frozenset({"ts", "side", "qty", "price", "exchange_order_id"})


class Content(NamedTuple):
    """A fill with its fees by currency, as one report has them, or as the ledger does."""

    fill: Event
    fees: Mapping[str | None, Event]

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Content":
        return cls(events[0], {event.fee_currency: event for event in events if event.type == FEE})

    @property
    def events(self) -> list[Event]:
        return [self.fill, *self.fees.values()]

    @property
    def costs_nothing(self) -> bool:
        """Whether the fees are reported as complete and zero: a fee reported later contradicts
        that."""
        if self.fees:
            return all(fee.fee == "0" for fee in self.fees.values())
        return '"fee":"none"' in self.fill.meta_json

    def contradicted_by(self, reported: "Content", root: Root = str) -> Contradiction:
        """The fields in which a later report contradicts this content, each with both values.

        What one of the two does not know is no contradiction, nor a fee that is not known yet.
        `root` is what a market is called, of its names.
        """
        mine = self.fill._replace(symbol=root(self.fill.traded_in))
        its = reported.fill._replace(
            symbol=root(reported.fill.traded_in), exchange_trade_id=mine.exchange_trade_id
        )
        fields = mine.contradicted_by(its) | self._withdrawn_by(reported)
        for currency, fee in reported.fees.items():
            stated = self.fees.get(currency)
            if stated is not None and stated.fee != fee.fee:
                fields[f"fee:{currency}"] = (stated.fee, fee.fee)
            elif stated is None and fee.fee != "0" and self.costs_nothing:
                fields[f"fee:{currency}"] = ("0", fee.fee)
        if "symbol" in fields:
            fields["symbol"] = (self.fill.symbol, reported.fill.symbol)
        return fields

    def _withdrawn_by(self, reported: "Content") -> Contradiction:
        """Fees that a report, which claims to name all there are, names no more."""
        state = json.loads(reported.fill.meta_json).get("fee", "charged")
        if state == "unknown" or (state == "charged" and not reported.fees):
            return {}
        return {
            f"fee:{currency}": (fee.fee, None)
            for currency, fee in self.fees.items()
            if currency not in reported.fees and fee.fee != "0"
        }

    def disputed(self, fields: Collection[str], stands: "Content | None") -> Iterator[Event]:
        """The events of this report that contradict in `fields` what stands; where the fill itself
        does, its fees too, but for those that stand. Where nothing stands, all of them."""
        if stands is None:
            yield from self.events
            return
        of_fill = {f"fee:{currency}" for currency in self.fees}.issuperset(fields) is False
        if of_fill:
            yield self.fill
        for currency, fee in self.fees.items():
            same = stands.fees.get(currency)
            odd = same is None or same.contradicted_by(fee)
            if f"fee:{currency}" in fields or (of_fill and odd):
                yield fee


def is_another_fill(fields: Collection[str]) -> bool:
    """Whether contents that differ in these fields are very likely two fills."""
    return not OF_ANOTHER_FILL.isdisjoint(fields)


def is_relabelled(fields: Collection[str]) -> bool:
    """Whether contents that differ in these fields are one fill under two names of its market."""
    return "symbol" in fields and OF_ONE_FILL.isdisjoint(fields)


class Together(NamedTuple):
    """The contradictions among the reports of one cycle, by the ids of trades: those with
    more than one content, and those under several names of a market; `several` are all that
    were reported in more than one way. `suspected` are further names that may be of one market."""

    several: Collection[str] = frozenset()
    clashing: Mapping[str, Sequence[Content]] = MappingProxyType({})
    relabelled: Mapping[str, Collection[str]] = MappingProxyType({})
    suspected: Collection[Collection[str]] = ()

    @classmethod
    def among(cls, reports: Iterable[Sequence[Event]], root: Root = str) -> "Together":
        """Given the reports of the ids that occur more than once. A report that knows less than
        another is no contradiction to it."""
        by_id: dict[str, dict[tuple[Event, ...], Content]] = {}
        for events in reports:
            contents = by_id.setdefault(events[0].trade_id, {})
            contents.setdefault(tuple(events), Content.of(events))
        clashing: dict[str, Sequence[Content]] = {}
        relabelled: dict[str, Collection[str]] = {}
        for trade_id, contents in by_id.items():
            fields = [
                both
                for mine, its in combinations(contents.values(), 2)
                if (both := mine.contradicted_by(its, root)) and its.contradicted_by(mine, root)
            ]
            if fields and all(map(is_relabelled, fields)):
                relabelled[trade_id] = {content.fill.traded_in for content in contents.values()}
            elif fields:
                clashing[trade_id] = [*contents.values()]
        several = frozenset(trade_id for trade_id, each in by_id.items() if len(each) > 1)
        return cls(several, clashing, relabelled)


def content_json(events: Iterable[Event]) -> str:
    """A content as text: what its events' hashes cover."""
    return json.dumps([event.fields for event in events])


def read_content(text: str) -> list[Event]:
    """The events of `content_json`; of a conflict that 0.1.0 kept, the one event it is about."""
    values = json.loads(text)
    return [_event(fields) for fields in (values if isinstance(values, list) else [values])]


def _event(fields: Mapping[str, Any]) -> Event:
    """The number of fields tells which of them the hash covers."""
    version = 1 if len(fields) < BASIC else 2
    event = Event(**fields, hash=b"", version=version)
    return event._replace(hash=event.content_hash)
