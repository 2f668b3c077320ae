"""Digests: equal ones, equal books. A commit has that of the books it left."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter
from typing import Any

from engine.ledger.accounting import BESIDE, Position
from engine.ledger.balances import BalanceKey
from engine.ledger.markets import Market
from engine.money import canonical

# The versions of commits. That of 0.1.0 covers the positions as it had them, and no more.
POSITIONS_ONLY = 1
VERSION = 2


def digest(
    positions: Iterable[Position],
    balances: Mapping[BalanceKey, Decimal],
    markets: Iterable[Market],
) -> str:
    """The digest of all positions, balances and markets' rules."""
    return digest_of(
        VERSION,
        (position_row([*p.row.values()]) for p in sorted(positions, key=attrgetter("key"))),
        (balance_row(*key, canonical(balances[key])) for key in sorted(balances)),
        (market_row(m) for m in sorted(markets, key=attrgetter("symbol"))),
    )


def digest_of(
    version: int,
    positions: Iterable[str],
    balances: Iterable[str] = (),
    markets: Iterable[str] = (),
) -> str:
    """`digest` of rows, each as JSON, in the order of their keys."""
    text = f"[{', '.join(positions)}]"
    if version != POSITIONS_ONLY:
        text += f"[{', '.join(balances)}][{', '.join(markets)}]"
    return sha256(text.encode()).hexdigest()[:32]


def position_row(values: Sequence[Any]) -> str:
    """A position's columns; those that account events change, only where one did."""
    values = list(values)
    usual = values[-len(BESIDE) :] == [*BESIDE.values()]
    return json.dumps(values[: -len(BESIDE)] if usual else values)


def balance_row(wallet: str, asset: str, amount: str) -> str:
    return json.dumps([wallet, asset, amount])


def market_row(market: Market) -> str:
    """A market's row; what only some have is there where it is."""
    *usual, market_id, id_form, size, alias_of = market.row.values()
    ids = [] if market_id is None and id_form is None else [market_id, id_form]
    more = {"contract_size": size, "alias_of": alias_of}
    given = {name: value for name, value in more.items() if value is not None}
    return json.dumps([*usual, *ids, *([given] if given else [])])
