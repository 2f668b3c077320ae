"""Facts about a ledger: what few of them have, and a commit need not ask for where it is not."""

from typing import NamedTuple

from engine.store.tx import Tx


class LedgerFacts(NamedTuple):
    """Whether a ledger has conflicts, events of other types than fills and fees, and decisions, as
    a commit met it."""

    conflicts: bool
    others: bool
    decisions: bool

    @classmethod
    def read(cls, tx: Tx) -> "LedgerFacts":
        return cls(*map(bool, tx.rows("ledger_facts")[0]))
