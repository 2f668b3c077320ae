"""Positions and balances as they stand: the fold of the ledger."""

from collections.abc import Callable, Collection, Iterator
from decimal import DecimalException
from itertools import islice
from typing import Any

from engine.checks.check import EVERY, Check, Violation
from engine.ledger.accounting import ZERO, Position, PositionKey
from engine.ledger.balances import StoredBalances, account_moves, moved_by, together
from engine.ledger.digests import POSITIONS_ONLY
from engine.ledger.events import Event
from engine.ledger.identity import Identity
from engine.ledger.markets import RULES, SPOT_RULES, Market, MarketKind, changes_of
from engine.ledger.positions import LAST, Positions
from engine.money import canonical
from engine.store.tx import Tx


class PositionsCheck(Check):
    """Stored positions and checkpoints are the fold of the ledger."""

    name = "positions"

    def violations(self) -> Iterator[Violation]:
        positions = Positions(self._tx)
        stored = self._tx.typed(PositionKey, "verify_position_keys")
        counted, void = taken_over(self._tx), positions.void
        for key in sorted(positions.keys_of_events().union(stored)):
            events = positions.events(key)
            position = Position.empty(key, positions.markets.of(key.symbol))
            for row in self._tx.each_named("verify_checkpoints", **key._asdict()):
                chunk = islice(events, row["events"] - position.events)
                fold(positions, position, chunk, void=void, count=self.count)
                yield from self._compare("position_checkpoints", position, row)
            fold(positions, position, events, void=void, count=self.count)
            position.fees_unknown = positions.fees_unknown(key) if counted else 0
            record = self._tx.record("position_read", **key._asdict())
            yield from self._compare("stage4_positions", position, record)
        for symbol, cycle_id, changed_in in self._tx.each("verify_position_cycles"):
            yield Violation.of("stage4_positions", f"{symbol}.cycle_id", changed_in, cycle_id)

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
    events: Iterator[Event],
    *,
    void: Collection[str],
    last_seq: int = LAST,
    count: Callable[[int], object] = lambda more: None,
) -> None:
    """Carry a position on over events, counting them; `last_seq` is the last that the ledger had.
    Raises `ValueError` where their figures do not add up."""
    while batch := list(islice(events, EVERY)):
        try:
            position.fold(batch, positions.booked(batch, last_seq), void)
        except DecimalException as error:
            span = f"{batch[0].event_id} … {batch[-1].event_id}"
            raise ValueError(f"{position.symbol}: no fold of {span}: {error!r}") from error
        count(len(batch))
