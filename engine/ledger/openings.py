"""Openings: which of them are void, and which the operator kept though fills of before came later.

Runs inside TX 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Openings:
    """The decisions about OPENINGs: those that are `void`, and those that are `kept`, each with the
    last event that the ledger had when it was (its `seq`), by event id."""

    void: frozenset[str]
    kept: Mapping[str, int]

    @classmethod
    def read(cls, tx: Tx) -> "Openings":
        """The decisions of a ledger, the last one about each OPENING."""
        last: dict[str, list[Any] | None] = {}
        for _, text in tx.rows("decisions_all"):
            for change in json.loads(text).get("openings", ()):
                last[change["id"]] = change["after"]
        void = frozenset(each for each, state in last.items() if state and state[0] == "void")
        kept = {each: state[1] for each, state in last.items() if state and state[0] == "kept"}
        return cls(void, kept)

    def state(self, opening_id: str) -> list[Any] | None:
        """The decision about an OPENING, as a commit keeps it; null where none stands."""
        if opening_id in self.void:
            return ["void"]
        return ["kept", self.kept[opening_id]] if opening_id in self.kept else None

    @classmethod
    def wallets(cls, tx: Tx) -> set[str]:
        """The wallets with an OPENING of a balance which is not void."""
        rows = tx.rows("wallets_opened")
        void = cls.read(tx).void if rows else ()
        return {wallet for event_id, wallet in rows if event_id not in void}

    def settles(self, opening_id: str, seq: int) -> bool:
        """Whether it is decided that an event, which came after an OPENING, and the OPENING are
        both right, or that the OPENING is none."""
        return opening_id in self.void or seq <= self.kept.get(opening_id, 0)
