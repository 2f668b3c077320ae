"""Metrics: each row is what the ledger and the orders make it."""

import json
from collections.abc import Iterator
from math import isclose
from typing import Any

from engine.checks.check import Count, Violation, violation
from engine.cycles import metrics
from engine.cycles.metrics import CycleMetrics
from engine.errors import NoSuchCycle, StoreError
from engine.store.damage import DAMAGE
from engine.store.tx import Tx

# Sums of floats differ in their last digits from one version of Python to another.
TOLERANCE = 1e-9


def check_metrics(tx: Tx, count: Count) -> Iterator[Violation]:
    """Every cycle's metrics are what the ledger and the orders say."""
    for row in tx.each("verify_metrics"):
        count.add()
        stored = CycleMetrics(*row)
        try:
            found = list(_compare(metrics.build(tx, stored.cycle_id), stored))
        except NoSuchCycle as error:
            yield violation("cycle_metrics", stored.cycle_id, "a committed cycle", error)
        except (StoreError, *DAMAGE) as error:
            yield violation("cycle_metrics", stored.cycle_id, "readable rows", repr(error))
        else:
            yield from found


def _compare(expected: CycleMetrics, stored: CycleMetrics) -> Iterator[Violation]:
    for name in CycleMetrics.__dataclass_fields__:
        value, found = getattr(expected, name), getattr(stored, name)
        if name == "meta_json" and value != found:
            yield from _compare_meta(expected.cycle_id, json.loads(value), json.loads(found))
        elif not _same(value, found):
            yield violation("cycle_metrics", f"{expected.cycle_id}.{name}", value, found)


def _compare_meta(cycle_id: int, expected: Any, stored: Any) -> Iterator[Violation]:
    values, found = dict(_leaves("meta_json", expected)), dict(_leaves("meta_json", stored))
    for name in sorted(values.keys() | found.keys()):
        value, other = values.get(name, "nothing"), found.get(name, "nothing")
        if not _same(value, other):
            yield violation("cycle_metrics", f"{cycle_id}.{name}", value, other)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of nested objects, each by its path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    else:
        yield name, value


def _same(value: Any, found: Any) -> bool:
    if isinstance(value, float) and isinstance(found, float):
        return isclose(value, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(value == found)
