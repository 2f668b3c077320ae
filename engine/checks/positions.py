"""Positions and balances as they stand: the fold of the ledger."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import DecimalException
from itertools import islice
from typing import Any

from engine.checks.check import EVERY, Check, Violation
from engine.checks.walk import Group, Part, Place, WalkingCheck, key_of
from engine.ledger.accounting import ZERO, Position, PositionKey
from engine.ledger.balances import StoredBalances, account_moves, moved_by, together
from engine.ledger.digests import POSITIONS_ONLY
from engine.ledger.events import EVENT_ID, META, TS, place_of
from engine.ledger.identity import Identity
from engine.ledger.markets import RULES, SPOT_RULES, Market, MarketKind, changes_of
from engine.ledger.positions import LAST, Positions
from engine.money import canonical
from engine.store.damage import DAMAGE
from engine.store.tx import Row, Tx

UNKNOWN_FEES = '"fee":"unknown"'


@dataclass(slots=True)
class Along:
    """A position folded along the walk, and its checkpoints that are still ahead. It is `proven`
    while no event came that sorts before one folded already, and each checkpoint was as folded."""

    position: Position
    checkpoints: Iterator[dict[str, Any]]
    ahead: dict[str, Any] | None
    proven: bool = True
    fees_unknown: bool = False

    @classmethod
    def of(cls, tx: Tx, position: Position) -> "Along":
        checkpoints = tx.each_named("verify_checkpoints", **position.key._asdict())
        return cls(position, checkpoints, next(checkpoints, None))

    def fold(self, group: Group, positions: Positions) -> None:
        rows, position = group.in_order(self.position.market), self.position
        if rows[0][TS] <= position.last_ts:
            self.proven = place_of(rows[0], position.market) > position.last
        self.fees_unknown |= any(UNKNOWN_FEES in meta for meta in {row[META] for row in rows})
        while rows and self.proven:
            due = len(rows) if self.ahead is None else self.ahead["events"] - position.events
            chunk, rows = rows[: max(due, 0)], rows[max(due, 0) :]
            position.fold(chunk, positions.booked(chunk), positions.void)
            if self.ahead is not None and position.events >= self.ahead["events"]:
                self.proven = is_row_of(position, self.ahead)
                self.ahead = next(self.checkpoints, None)


def is_row_of(position: Position, stored: Mapping[str, Any]) -> bool:
    """Whether what a row has of a position is as it is."""
    row = position.row
    return all(row[name] == value for name, value in stored.items())


class PositionsCheck(WalkingCheck):
    """Stored positions and checkpoints are the fold of the ledger.

    They are folded as their events were booked, which is in fold order but for late ones. What that
    does not prove of a position, the fold of its events in their order does, or names.
    """

    name = "positions"

    def begin(self) -> Iterable[Violation]:
        self._positions = Positions(self._tx)
        self._counted = taken_over(self._tx)
        self._along: dict[PositionKey, Along] = {}
        self._places: dict[Place, Along] = {}
        return ()

    def take(self, part: Part) -> Iterable[Violation]:
        for place, group in part.groups.items():
            self.count(len(group.rows))
            along = self._places.get(place) or self._at(place)
            if along.proven:
                try:
                    along.fold(group, self._positions)
                except DAMAGE:
                    along.proven = False  # Told where it is folded in order.
        return ()

    def _at(self, place: Place) -> Along:
        key = key_of(place, self._positions.markets)
        if key not in self._along:
            position = Position.empty(key, self._positions.markets.of(key.symbol))
            self._along[key] = Along.of(self._tx, position)
        along = self._places[place] = self._along[key]
        return along

    def end(self) -> Iterator[Violation]:
        stored = self._tx.typed(PositionKey, "verify_position_keys")
        for key in sorted(self._along.keys() | stored):
            if not self._is_proven(key):
                yield from self._in_order(key)
        for symbol, cycle_id, changed_in in self._tx.each("verify_position_cycles"):
            yield Violation.of("stage4_positions", f"{symbol}.cycle_id", changed_in, cycle_id)

    def _is_proven(self, key: PositionKey) -> bool:
        along = self._along.get(key)
        if along is None or not along.proven or along.ahead is not None:
            return False
        if self._counted and along.fees_unknown:
            along.position.fees_unknown = self._positions.fees_unknown(key)
        record = self._tx.record("position_read", **key._asdict())
        return record is not None and is_row_of(along.position, record)

    def _in_order(self, key: PositionKey) -> Iterator[Violation]:
        positions = self._positions
        events = positions.event_rows(key)
        position = Position.empty(key, positions.markets.of(key.symbol))
        for row in self._tx.each_named("verify_checkpoints", **key._asdict()):
            chunk = islice(events, row["events"] - position.events)
            fold(positions, position, chunk, void=positions.void)
            yield from self._compare("position_checkpoints", position, row)
        fold(positions, position, events, void=positions.void)
        position.fees_unknown = positions.fees_unknown(key) if self._counted else 0
        record = self._tx.record("position_read", **key._asdict())
        yield from self._compare("stage4_positions", position, record)

    @staticmethod
    def _compare(table: str, position: Position, row: dict[str, Any] | None) -> Iterator[Violation]:
        if row is None:
            expected = (*position.row.values(),)
            yield Violation.of(table, position.key, expected, "no row")
        else:
            expected_of = {name: value for name, value in position.row.items() if name in row}
            yield from Violation.of_columns(table, position.key, expected_of, row)


class MarketsCheck(Check):
    """Every market with events is pinned, by its first commit, as its symbol has it; but for what
    decisions made of it."""

    name = "markets"

    def violations(self) -> Iterator[Violation]:
        if not taken_over(self._tx):
            return
        rows = {row["symbol"]: row for row in self._tx.named("markets_all")}
        commits = {row["symbol"]: row for row in self._tx.named("verify_pins")}
        formless = set(self._tx.column("verify_formless"))
        id_form = Identity.stored(self._tx).get("trade_ids")
        decided = self._decided()
        for symbol in sorted(rows.keys() | commits.keys() | decided.keys()):
            self.count()
            if symbol not in rows:
                yield Violation.of("markets", symbol, "a row", "no row")
            elif symbol in decided:
                columns = commits.get(symbol, {}) | decided[symbol]
                yield from Violation.of_columns("markets", symbol, columns, rows[symbol])
            elif symbol not in commits:
                yield Violation.of("markets", symbol, "an event of it", "none")
            else:
                pinned = {name: commits[symbol][name] for name in ("commit_seq", "market_id")}
                if rows[symbol]["id_form"] or pinned["commit_seq"] not in formless:
                    pinned["id_form"] = id_form
                yield from self._compare(rows[symbol], pinned)

    def _decided(self) -> dict[str, dict[str, Any]]:
        """The columns of markets that decisions were made about, as the last one left them."""
        decided: dict[str, dict[str, Any]] = {}
        for commit_seq, text in self._tx.rows("decisions_all"):
            for change in changes_of(text):
                pinned = {"commit_seq": commit_seq} if change.before is None else {}
                decided[change.symbol] = decided.get(change.symbol, {}) | pinned | change.after.row
        return decided

    @staticmethod
    def _compare(row: dict[str, Any], pinned: dict[str, Any]) -> Iterator[Violation]:
        symbol = row["symbol"]
        if row["rules"] == SPOT_RULES:
            market = Market.by_spot_rules(symbol)
        else:
            market = Market.of(symbol)
            if row["kind"] != market.kind:
                market = Market.of(symbol, linear=True)
        expected = market.row | {"rules": row["rules"]} | pinned
        if row["rules"] not in (SPOT_RULES, RULES) or market.kind is MarketKind.SPOT:
            expected["rules"] = RULES
        yield from Violation.of_columns("markets", symbol, expected, row)


class BalancesCheck(Check):
    """Stored balances are what the positions moved, and as the last commit left them."""

    name = "balances"

    def violations(self) -> Iterator[Violation]:
        if not taken_over(self._tx):
            return
        # By the history, which is proven too: what is wrong with a position is named once.
        last_commit: int = self._tx.value("commit_last")
        positions = Positions(self._tx).as_of(last_commit).values()
        expected = together(moved_by(positions), account_moves(self._tx))
        stored = StoredBalances(self._tx).all()
        self.count(len(stored))
        for key in sorted(expected.keys() | stored.keys()):
            amounts = [canonical(amounts.get(key, ZERO)) for amounts in (expected, stored)]
            if amounts[0] != amounts[1]:
                yield Violation.of("balances", f"{' '.join(key)}.amount", *amounts)
        for wallet, asset, amount, cycle_id, left, changed_in in self._tx.rows(
            "verify_balance_cycles"
        ):
            key_text = f"{wallet} {asset}"
            if amount != left:
                yield Violation.of("balance_history", f"{key_text}.amount", amount, left)
            if cycle_id != changed_in:
                yield Violation.of("balances", f"{key_text}.cycle_id", changed_in, cycle_id)


def taken_over(tx: Tx) -> bool:
    """Whether a commit has worked out what 0.1.0 did not."""
    last = tx.record("commit_last")
    return last is not None and last["version"] != POSITIONS_ONLY


def fold(
    positions: Positions,
    position: Position,
    events: Iterator[Row],
    *,
    void: Collection[str],
    last_seq: int = LAST,
) -> None:
    """Carry a position on over events; `last_seq` is the last that the ledger had. Raises
    `ValueError` where their figures do not add up."""
    while batch := list(islice(events, EVERY)):
        try:
            position.fold(batch, positions.booked(batch, last_seq), void)
        except DecimalException as error:
            span = f"{batch[0][EVENT_ID]} … {batch[-1][EVENT_ID]}"
            raise ValueError(f"{position.symbol}: no fold of {span}: {error!r}") from error
