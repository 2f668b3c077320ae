"""The identity of a ledger: its id, and the venue, the account and the numbering of trades that it
is pinned to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import StoreError
from engine.store.tx import Tx
from engine.venue import Account, TradeIds

START_PREFIX = "start:"
ACCOUNT_PREFIX = "account:"


@dataclass(frozen=True, slots=True)
class Identity:
    """A ledger's identity, which its first engine writes. No row of it is changed afterwards.

    `starts` grows: by symbol, where the histories begin of markets that were first fetched with
    `start_from = "now"`; `account` does where its venue comes to know more of it. Times in UTC
    milliseconds.
    """

    ledger_id: str
    created_ms: int
    venue: str
    trade_ids: TradeIds
    starts: Mapping[str, int] = field(default_factory=dict)
    account: Account = field(default_factory=Account)

    @classmethod
    def read(cls, tx: Tx) -> "Identity | None":
        """Null where no engine has run on the ledger. Damaged rows raise an error of `DAMAGE`."""
        rows = cls.stored(tx)
        if not rows:
            return None
        starts = {key: value for key, value in rows.items() if key.startswith(START_PREFIX)}
        return cls(
            rows["ledger_id"],
            int(rows["created_ms"]),
            rows["venue"],
            TradeIds(rows["trade_ids"]),
            {key.removeprefix(START_PREFIX): int(value) for key, value in starts.items()},
            Account(*(rows.get(ACCOUNT_PREFIX + name) for name in Account._fields)),
        )

    @classmethod
    def of(cls, tx: Tx) -> "Identity":
        """Raises `StoreError` where no engine has run on the ledger."""
        identity = cls.read(tx)
        if identity is None:
            raise StoreError("this ledger has had no cycle yet")
        return identity

    @staticmethod
    def stored(tx: Tx) -> dict[str, str]:
        """The rows as they are stored, sound or not."""
        return tx.pairs("identity_read")

    def keep(self, tx: Tx) -> None:
        """Store the rows that are not there yet; the others stay as they are."""
        rows = {
            "ledger_id": self.ledger_id,
            "created_ms": str(self.created_ms),
            "venue": self.venue,
            "trade_ids": self.trade_ids.value,
        }
        starts = {START_PREFIX + symbol: str(start) for symbol, start in self.starts.items()}
        account = {ACCOUNT_PREFIX + name: value for name, value in self.account.fields().items()}
        for key, value in (rows | starts | account).items():
            tx.run("identity_keep", key=key, value=value)
