"""Decisions: what the operator makes of disputes, trades and markets, as one commit each.

Runs inside TX 1. What a decision changed is kept in its commit, and so it can be undone.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.clock import iso
from engine.errors import DecisionRefused
from engine.ledger import disputes
from engine.ledger.account_decisions import KINDS, booking, reversal
from engine.ledger.books import Books
from engine.ledger.disputes import Dispute, DisputeKind
from engine.ledger.event_types import OF_TRADES
from engine.ledger.events import DECISION, FILL, UNVOID, VOID, Event, ruling, source_id
from engine.ledger.identity import Identity
from engine.ledger.markets import Market, MarketChange, MarketKind
from engine.ledger.periods import closed, end_of
from engine.ledger.sides import position_side
from engine.money import canonical, parse_decimal
from engine.store.tx import Tx

MAX_TEXT = 200


class Act(StrEnum):
    """What can be decided."""

    KEEP = "keep"
    REPLACE = "replace"
    BOOK_AS = "book-as"
    VOID = "void"
    ALIAS = "alias"
    DISTINCT = "distinct"
    REBOOK = "rebook"
    OPEN = "open"
    ADJUST = "adjust"
    CLOSE = "close"
    UNDO = "undo"


class Decision(BaseModel):
    """A decision as the operator made it.

    `conflict` is the number of a dispute (keep, replace, book-as), `trade_id` the trade that is
    void, or the id that a content is booked as; `market` the one that is an alias of `other`, or
    distinct from it, or is booked anew as `kind` with `size`; `of` the commit that is undone.
    An opening or an adjustment says the `amount` of an `asset`, or a `qty` and its `cost` of a
    `market`, from `at_ms` on (UTC milliseconds). `period` is one that is closed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: Act
    conflict: int | None = None
    trade_id: str | None = None
    market: str | None = None
    other: str | None = None
    kind: str | None = None
    size: str | None = None
    of: int | None = None
    asset: str | None = None
    amount: str | None = None
    wallet: str | None = None
    side: str | None = None
    qty: str | None = None
    cost: str | None = None
    at_ms: int | None = None
    period: str | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """What was decided, in one line, without why."""
        numbered = {"conflict": self.conflict, "decision": self.of}
        about = [f"{name} {number}" for name, number in numbered.items() if number is not None]
        said = (self.trade_id, self.market, self.other, self.kind, self.size, self.asset)
        figures = (self.amount, self.qty, self.cost, self.period)
        return " ".join([self.act.value, *about, *filter(None, (*said, *figures))])


@dataclass(slots=True)
class Effects:
    """What a decision changes: the events it appends, rulings first, and rows of tables."""

    void: list[Event] = field(default_factory=list)
    valid: list[Event] = field(default_factory=list)
    booked: list[Event] = field(default_factory=list)
    account: list[Event] = field(default_factory=list)
    closes_ms: tuple[int | None, int | None] | None = None
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    markets: list[MarketChange] = field(default_factory=list)
    distinct: list[dict[str, Any]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """What the commit keeps, so that it can be undone."""
        closes = {"closed_ms": [*self.closes_ms]} if self.closes_ms is not None else {}
        return closes | {
            "account": [event.event_id for event in self.account],
            "void": [fill.trade_id for fill in self.void],
            "valid": [fill.trade_id for fill in self.valid],
            "booked": [event.trade_id for event in self.booked if event.type == FILL],
            "conflicts": self.conflicts,
            "markets": [change.values for change in self.markets],
            "distinct": self.distinct,
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is about to be committed."""

    events: list[Event]
    markets: list[MarketChange]
    decision_json: str


def decide(
    tx: Tx, decision: Decision, books: Books, *, actor: str, now_ms: int, commit_seq: int
) -> Decided:
    """Work out a decision, and change the rows it is about. Raises `DecisionRefused`."""
    deciding = _Deciding(tx, decision, books, commit_seq, now_ms)
    deciding.act()
    effects = deciding.effects
    _check_booked(tx, [*effects.void, *effects.valid])
    said = decision.model_dump(mode="json", exclude_none=True)
    meta = {"by": actor, "at_ms": now_ms, "why": decision.reason, "act": said["act"]}
    number = int(tx.value("last_seq"))
    rulings = [(fill, VOID) for fill in effects.void] + [(fill, UNVOID) for fill in effects.valid]
    events = [
        ruling(fill, kind, number + place, meta) for place, (fill, kind) in enumerate(rulings, 1)
    ]
    record = {"decision": said, "by": actor, **effects.values}
    all_events = [*events, *effects.booked, *effects.account]
    return Decided(all_events, effects.markets, json.dumps(record))


def undone(tx: Tx) -> dict[int, int]:
    """The decisions that were taken back, by number, and which one did; an undo that is undone
    gives back what it took."""
    of: dict[int, int] = {}
    taken: dict[int, int] = {}
    for number, text in tx.rows("decisions_all"):
        target = json.loads(text)["decision"].get("of")
        if target is not None:
            of[number] = target
            _take_back(taken, of, target, number)
    return taken


def _take_back(taken: dict[int, int], of: dict[int, int], target: int, by: int) -> None:
    taken[target] = by
    if target in of:  # It was an undo itself: what that took is there again.
        taken.pop(of[target], None)


def _check_booked(tx: Tx, fills: Iterable[Event]) -> None:
    """Raises `DecisionRefused` for a trade of which the exchange stated what it moved."""
    ids = json.dumps([fill.trade_id for fill in fills])
    if stated := tx.rows("booked_assets", trade_ids=ids, last_seq=2**63 - 1):
        raise DecisionRefused(
            f"trade {stated[0][0]}: the exchange stated what it moved of {stated[0][1]}, which a "
            "ruling would not take back; book the difference by `adjust`"
        )


class _Deciding:
    """One decision on its way: what it is about is looked up, checked and changed."""

    def __init__(
        self, tx: Tx, decision: Decision, books: Books, commit_seq: int, now_ms: int
    ) -> None:
        self._tx = tx
        self._decision = decision
        self._books = books
        self._markets = books.markets
        self._commit_seq = commit_seq
        self._now_ms = now_ms
        self.effects = Effects()

    def act(self) -> None:
        acts: Mapping[Act, Callable[[], None]] = {
            Act.KEEP: self._keep,
            Act.REPLACE: self._replace,
            Act.BOOK_AS: self._book_as,
            Act.VOID: self._void,
            Act.ALIAS: self._alias,
            Act.DISTINCT: self._distinct,
            Act.REBOOK: self._rebook,
            Act.OPEN: self._open,
            Act.ADJUST: self._open,
            Act.CLOSE: self._close,
            Act.UNDO: self._undo,
        }
        acts[self._decision.act]()

    # --- disputes

    def _keep(self) -> None:
        """What stands is kept; of a clash nothing of which is booked, the content is dropped."""
        self._settle(self._open_dispute(), "refused")

    def _replace(self) -> None:
        """The content takes the place of what stands under its id."""
        dispute = self._whole_dispute()
        standing = self._standing(dispute.source_id)
        if not standing and self._fill(dispute.source_id) is None:
            raise DecisionRefused(
                f"conflict {dispute.id}: nothing of trade {dispute.source_id} is in the ledger "
                "that could be replaced; --book-as books this content, --keep drops it"
            )
        self.effects.void += standing
        for row in disputes.of_trade(self._tx, dispute.source_id):
            if row.booked_as is not None and source_id(row.booked_as) == dispute.source_id:
                self._settle(row, "refused")
        self._book(dispute, dispute.source_id, "replaced")

    def _book_as(self) -> None:
        """The content is a fill of its own, under an id that the operator gives it."""
        dispute, trade_id = self._whole_dispute(), _text("--book-as", self._decision.trade_id)
        if trade_id.startswith(DECISION):
            raise DecisionRefused(f"--book-as {trade_id}: give the id without {DECISION!r}")
        if self._fill(trade_id) is not None or self._stands_by_decision(trade_id):
            raise DecisionRefused(
                f"--book-as {trade_id}: the ledger has a trade of that id; give another one"
            )
        self._book(dispute, trade_id, "booked")

    def _open_dispute(self) -> Dispute:
        rows = self._tx.typed(Dispute, "dispute_read", id=self._decision.conflict)
        if not rows:
            raise DecisionRefused(f"there is no conflict {self._decision.conflict}")
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

    def _whole_dispute(self) -> Dispute:
        dispute = self._open_dispute()
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

    def _settle(self, dispute: Dispute, status: str, booked_as: str | None = None) -> None:
        after = {"status": status, "booked_as": booked_as, "decided_seq": self._commit_seq}
        self._change_dispute(dispute, after)

    def _change_dispute(self, dispute: Dispute, after: Mapping[str, Any]) -> None:
        before = {name: getattr(dispute, name) for name in after}
        self.effects.conflicts.append({"id": dispute.id, "before": before, "after": dict(after)})
        self._tx.run("dispute_decide", id=dispute.id, **after)

    def _book(self, dispute: Dispute, trade_id: str, status: str) -> None:
        """Book a content under a decision's id."""
        self._book_content(dispute, f"{DECISION}{self._commit_seq}:{trade_id}", status)

    def _book_content(self, dispute: Dispute, trade_id: str, status: str) -> None:
        events = [event.of_trade(trade_id) for event in dispute.events]
        market = self._markets.stored(dispute.symbol)
        if market is None:
            market = replace(Market.of(dispute.symbol), market_id=events[0].market_id)
            if market.kind is MarketKind.OTHER:
                raise DecisionRefused(
                    f"conflict {dispute.id}: {dispute.symbol} is no market of this ledger yet, and "
                    "what kind it is its name does not say; decide once a fill of it is booked"
                )
            self._change_market(None, market)
        elif self._markets.of(dispute.symbol).is_contract and not events[0].contract_size:
            raise DecisionRefused(
                f"conflict {dispute.id}: the size of a contract of {dispute.symbol} is not known"
            )
        self.effects.booked += events
        self._settle(dispute, status, trade_id)

    def _fill(self, trade_id: str) -> Event | None:
        row = self._tx.one("stored_event", event_id=f"fill:{trade_id}")
        return Event._make(row) if row else None

    def _standing(self, trade_id: str) -> list[Event]:
        """The fills that stand under an id: the exchange's own, or what replaced it."""
        rows = disputes.of_trade(self._tx, trade_id)
        ids = [trade_id, *(row.booked_as for row in rows if row.booked_as is not None)]
        fills = [self._fill(each) for each in ids if source_id(each) == trade_id]
        void = self._books.positions.void
        return [fill for fill in fills if fill is not None and fill.trade_id not in void]

    def _stands_by_decision(self, trade_id: str) -> bool:
        """Whether a decision booked a fill under an id, which is not void."""
        ids = self._tx.column("decided_fills", trade_id=trade_id)
        own = [each for each in ids if source_id(each) == trade_id]
        return bool(set(own) - self._books.positions.void)

    # --- trades

    def _void(self) -> None:
        """A trade is void: the exchange took it back, or it never was."""
        trade_id = _text("TRADE", self._decision.trade_id)
        if not self._decision.reason.strip():
            raise DecisionRefused("give the --reason why the trade is void: it is kept for ever")
        fill = self._fill(trade_id)
        if fill is None:
            raise DecisionRefused(
                f"there is no trade {trade_id} in the ledger; its id is exchange_trade_id in "
                "ledger_events"
            )
        if trade_id in self._books.positions.void:
            raise DecisionRefused(f"trade {trade_id} is void already")
        self.effects.void.append(fill)

    # --- markets

    def _alias(self) -> None:
        """A market is another name of one: its events fold into that one's positions."""
        new, old = self._pair()
        if self._markets.root(old) == new:
            raise DecisionRefused(f"{old} is an alias of {new} already; undo that first")
        target = self._markets.stored(self._markets.root(old))
        if target is None:
            raise DecisionRefused(f"{old} is no market of this ledger")
        before = self._markets.stored(new)
        if before is not None and before.alias_of == target.symbol:
            raise DecisionRefused(f"{new} is an alias of {target.symbol} already")
        self._check_sizes(new, target)
        self._check_opened(new, target.symbol)
        unknown = replace(target, symbol=new, market_id=None)
        after = replace(before or unknown, alias_of=target.symbol)
        self._change_market(before, replace(after, aliases=()))
        for alias in self._markets.of(new).aliases:
            self._change_market(alias, replace(alias, alias_of=target.symbol))
        names = {"symbol": new, "qualifier": after.qualifier, "of_other": target.qualifier}
        twins = self._tx.rows("booked_twins", **names)
        void = self._books.positions.void
        self.effects.void += [fill for fill in map(Event._make, twins) if fill.trade_id not in void]
        for dispute in self._suspicions(new, target.symbol):
            self._settle(dispute, "refused")

    def _check_opened(self, *symbols: str) -> None:
        """What was booked late before an OPENING is told by its market's name."""
        if opened := set(symbols).intersection(self._tx.column("opened_markets")):
            raise DecisionRefused(
                f"{', '.join(sorted(opened))} has an opening, which its names have to stay for"
            )

    def _check_sizes(self, new: str, target: Market) -> None:
        """A contract without a size would be counted as one of size 1."""
        if not target.is_contract and self._tx.value("fills_with_size", symbol=new):
            raise DecisionRefused(
                f"fills of {new} are contracts of a size of their own, and {target.symbol} is none"
            )
        if not target.is_contract or target.contract_size is not None:
            return
        if self._tx.value("fills_without_size", symbol=new):
            raise DecisionRefused(
                f"fills of {new} do not say the size of a contract, and as {target.symbol} they "
                "would be contracts; a new ledger of fills that say it has it right"
            )

    def _distinct(self) -> None:
        """Two markets are not one, though trades of both look alike: what was kept is booked."""
        new, old = self._pair()
        if self._markets.root(new) == self._markets.root(old):
            raise DecisionRefused(f"{new} is an alias of {old}; undo that first")
        stored = {frozenset(pair) for *pair, _ in self._tx.rows("distinct_all")}
        if {new, old} in stored:
            raise DecisionRefused(f"{new} and {old} are distinct already")
        change = {"symbol": new, "other": old, "before": None, "after": self._commit_seq}
        self.effects.distinct.append(change)
        self._tx.run("distinct_keep", symbol=new, other=old, commit_seq=self._commit_seq)
        for dispute in self._suspicions(new, old):
            self._book_kept(dispute)

    def _book_kept(self, dispute: Dispute) -> None:
        stored = self._fill(dispute.source_id)
        if stored is None:
            self._book_content(dispute, dispute.source_id, "booked")
        elif stored.symbol != dispute.symbol:
            self._book(dispute, dispute.source_id, "booked")
        else:
            self._settle(dispute, "refused")  # A booked twin: both are in the ledger.

    def _pair(self) -> tuple[str, str]:
        new, old = _text("NEW", self._decision.market), _text("OLD", self._decision.other)
        for name in (new, old):
            _market(name)
        if new == old:
            raise DecisionRefused(f"{new}: give two names")
        return new, old

    def _suspicions(self, new: str, old: str) -> list[Dispute]:
        rows = self._tx.typed(Dispute, "disputes_all")
        return [
            row
            for row in rows
            if row.status == "open"
            and row.kind == DisputeKind.RELABELLED
            and {new, old} == set(row.fields["symbol"])
        ]

    def _rebook(self) -> None:
        """A contract that an earlier program booked as spot is booked as the contract it is."""
        symbol = _text("MARKET", self._decision.market)
        before = self._markets.stored(symbol)
        if before is None:
            raise DecisionRefused(f"{symbol} is no market of this ledger")
        if not before.is_booked_as_spot:
            raise DecisionRefused(
                f"{symbol} is booked by today's rules already, as {before.kind.value}"
            )
        market = self._as_kind(symbol)
        sizes, sided = self._evidence(symbol)
        if sided:
            raise DecisionRefused(
                f"{symbol}: kept evidence names sides of a hedged account, which the rows that an "
                "earlier program booked do not; a new ledger has it right"
            )
        size = self._size(symbol, sizes)
        after = replace(
            market,
            market_id=before.market_id,
            id_form=before.id_form,
            contract_size=canonical(size),
        )
        self._change_market(before, after)

    def _as_kind(self, symbol: str) -> Market:
        kinds = [MarketKind.LINEAR, MarketKind.INVERSE]
        accepted = " or ".join(kind.value for kind in kinds)
        if self._decision.kind not in kinds:
            raise DecisionRefused(f"--kind {self._decision.kind}: {accepted} is accepted")
        market = Market.of(symbol)
        if (
            market.kind is MarketKind.OTHER
        ):  # Settled in another asset: linear where it is called that.
            market = Market.of(symbol, linear=self._decision.kind == MarketKind.LINEAR)
        if market.kind != self._decision.kind:
            raise DecisionRefused(
                f"--kind {self._decision.kind}: {symbol} is settled in {market.money}, and so "
                f"{market.kind.value}"
            )
        return market

    def _evidence(self, symbol: str) -> tuple[set[str], bool]:
        """The contract sizes that kept reports of a market name, and whether any names a side."""
        sizes: set[str] = set()
        sided = bool(self._tx.value("sided_events", symbol=symbol))
        for (raw,) in self._tx.each("evidence_of", symbol=symbol):
            with suppress(ValueError):
                item = json.loads(raw, parse_float=str)
                if isinstance(item, dict):
                    sided = sided or position_side(item)[0] is not None
                    if item.get("contractSize") is not None:
                        sizes.add(canonical(parse_decimal(item["contractSize"])))
        return sizes, sided

    def _size(self, symbol: str, sizes: set[str]) -> Decimal:
        """The contract size: what kept evidence says, which the operator must not contradict."""
        if self._decision.size is None:
            if len(sizes) != 1:
                found = (
                    f"kept evidence says {', '.join(sorted(sizes))}" if sizes else "none is known"
                )
                raise DecisionRefused(f"give the --size of a contract of {symbol}: {found}")
            return Decimal(next(iter(sizes)))
        try:
            size = parse_decimal(self._decision.size)
        except ValueError as error:
            raise DecisionRefused(f"--size: {error}") from None
        if size <= 0:
            raise DecisionRefused(f"--size {self._decision.size}: a number above zero is accepted")
        if sizes and canonical(size) not in sizes:
            raise DecisionRefused(
                f"--size {self._decision.size}: kept evidence of {symbol} says "
                f"{', '.join(sorted(sizes))}"
            )
        return size

    def _change_market(self, before: Market | None, after: Market) -> None:
        if before is None:
            after = replace(after, id_form=Identity.of(self._tx).trade_ids)
        self.effects.markets.append(MarketChange(after.symbol, before, after))

    # --- the account, and its periods

    def _open(self) -> None:
        """The account began with more than its fills say, or has to be adjusted."""
        kind = KINDS[self._decision.act.value]
        self.effects.account.append(booking(self._tx, self._markets, self._decision, kind))

    def _close(self) -> None:
        """What is booked from now on with a time before its end corrects a prior period."""
        try:
            until_ms = end_of(_text("PERIOD", self._decision.period))
        except ValueError as error:
            raise DecisionRefused(str(error)) from None
        if until_ms > self._now_ms:
            raise DecisionRefused(
                f"{self._decision.period}: it ends {iso(until_ms)}, in the future"
            )
        before = closed(self._tx)
        if before is not None and until_ms <= before.until_ms:
            raise DecisionRefused(
                f"{self._decision.period}: all until {iso(before.until_ms)} is closed already, by "
                f"decision {before.commit_seq}"
            )
        self.effects.closes_ms = (before.until_ms if before else None, until_ms)

    # --- undo

    def _undo(self) -> None:
        """What a decision changed is as it was before it, unless a later one has changed it too."""
        number = self._decision.of
        text = self._tx.value("decision_of_commit", commit_seq=number)
        if text is None:
            raise DecisionRefused(
                f"there is no decision {number}; `decisions list` has their numbers"
            )
        if by := undone(self._tx).get(number or 0):
            raise DecisionRefused(f"decision {number} is taken back already, by decision {by}")
        made = json.loads(text)
        void = self._books.positions.void
        wanted_void = [*made["void"]]
        wanted_valid = [*made["valid"], *made["booked"]]
        if not void.issuperset(wanted_void) or not void.isdisjoint(wanted_valid):
            raise self._followed(number, "another ruling about its trades")
        if any(self._is_replaced(trade_id, wanted_valid) for trade_id in wanted_void):
            raise self._followed(number, "a replacement of its trade")
        self.effects.valid += self._fills(wanted_void)
        self.effects.void += self._fills(wanted_valid)
        if made["distinct"]:
            by_rule = set(self._tx.column("rule_booked", number=str(number))) - void
            self.effects.void += self._fills(sorted(by_rule.difference(wanted_valid)))
        for change in made["conflicts"]:
            self._undo_dispute(number, change)
        for change in made["distinct"]:
            self._undo_distinct(number, change)
        for values in reversed(made["markets"]):
            self._undo_market(number, MarketChange.of(values))
        for event_id in made.get("account", ()):
            stored = Event._make(self._tx.rows("stored_event", event_id=event_id)[0])
            taken = len(self.effects.account)
            self.effects.account.append(reversal(self._tx, stored, taken))
        if "closed_ms" in made:
            self._undo_close(number, *made["closed_ms"])

    def _undo_close(self, number: int | None, before: int | None, after: int | None) -> None:
        current = closed(self._tx)
        if (current.until_ms if current else None) != after:
            raise self._followed(number, "another one about closed periods")
        self.effects.closes_ms = (after, before)

    def _is_replaced(self, trade_id: str, but: Iterable[str]) -> bool:
        """Whether another content stands in a trade's place, which would count beside it."""
        rows = disputes.of_trade(self._tx, source_id(trade_id))
        void = self._books.positions.void
        return any(
            row.status == "replaced" and row.booked_as not in (*void, *but, trade_id)
            for row in rows
        )

    def _fills(self, trade_ids: Iterable[str]) -> list[Event]:
        fills = [self._fill(trade_id) for trade_id in trade_ids]
        return [fill for fill in fills if fill is not None]

    def _undo_dispute(self, number: int | None, change: Mapping[str, Any]) -> None:
        (dispute,) = self._tx.typed(Dispute, "dispute_read", id=change["id"])
        if any(getattr(dispute, name) != value for name, value in change["after"].items()):
            raise self._followed(number, f"another one about conflict {dispute.id}")
        self._change_dispute(dispute, change["before"])

    def _undo_distinct(self, number: int | None, change: Mapping[str, Any]) -> None:
        pair = {"symbol": change["symbol"], "other": change["other"]}
        self.effects.distinct.append({**pair, "before": change["after"], "after": change["before"]})
        if change["before"] is None:
            self._tx.run("distinct_drop", **pair)
        else:
            self._tx.run("distinct_keep", **pair, commit_seq=change["before"])

    def _undo_market(self, number: int | None, change: MarketChange) -> None:
        current = self._markets.stored(change.symbol)
        if current is None or current.row != change.after.row:
            raise self._followed(number, f"another one about {change.symbol}")
        if change.before is None:
            # Once pinned, a market stays: its own name is what it was an alias of before.
            after = replace(Market.of(change.symbol), id_form=current.id_form)
            if change.after.alias_of is None:
                return
        else:
            after = change.before
        if change.after.alias_of is not None:
            self._check_sizes(change.symbol, after)
            self._check_opened(change.symbol, change.after.alias_of)
        self._change_market(current, after)

    @staticmethod
    def _followed(number: int | None, what: str) -> DecisionRefused:
        return DecisionRefused(f"decision {number} cannot be undone: it was followed by {what}")


def _text(name: str, value: str | None) -> str:
    if not value or not value.strip():
        raise DecisionRefused(f"{name}: give one")
    if len(value) > MAX_TEXT or not value.isprintable() or value != value.strip():
        raise DecisionRefused(f"{name}: {value!a} has characters that cannot be shown, or too many")
    return value


def _market(name: str) -> None:
    try:
        Market.of(name)
    except ValueError as error:
        raise DecisionRefused(str(error)) from None
