"""Metrics: each row is what the ledger and the orders make it."""

import json
from collections.abc import Iterator
from math import isclose
from typing import Any

from engine.checks.check import Check, Violation
from engine.cycles import metrics
from engine.cycles.metrics import CycleMetrics
from engine.errors import NoSuchCycle, StoreError
from engine.store.damage import DAMAGE

# Sums of floats differ in their last digits from one version of Python to another.
TOLERANCE = 1e-9


class MetricsCheck(Check):
    """Every cycle's metrics are what the ledger and the orders say."""

    name = "metrics"

    def violations(self) -> Iterator[Violation]:
        for row in self._tx.each("verify_metrics"):
            self.count()
            stored = CycleMetrics(*row)
            try:
                yield from list(self._compare(stored))
            except NoSuchCycle as error:
                yield Violation.of("cycle_metrics", stored.cycle_id, "a committed cycle", error)
            except (StoreError, *DAMAGE) as error:
                actual = repr(error)
                yield Violation.of("cycle_metrics", stored.cycle_id, "readable rows", actual)

    def _compare(self, stored: CycleMetrics) -> Iterator[Violation]:
        expected = metrics.build(self._tx, stored.cycle_id)
        for name in CycleMetrics.__dataclass_fields__:
            value, actual = getattr(expected, name), getattr(stored, name)
            if name == "meta_json" and value != actual:
                value, actual = json.loads(value), json.loads(actual)
                actual = _without_nothing(actual, value)
            if name == "pnl_json" and value != actual:
                value, actual = json.loads(value), json.loads(actual)
                value = self._with_unchanged(value, actual, stored.cycle_id)
            yield from _differences(f"{stored.cycle_id}.{name}", value, actual)

    def _with_unchanged(
        self, changed: dict[str, Any], stored: dict[str, Any], cycle_id: int
    ) -> dict[str, Any]:
        """Earlier versions stored the PnL of all positions, not of the changed ones alone."""
        if not stored.keys() > changed.keys():
            return changed
        after = metrics.pnl_after(self._tx, cycle_id)
        return {name: pnl for name, pnl in after.items() if name in stored} | changed


def _without_nothing(stored: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Earlier versions stored figures of nothing too."""
    return {
        name: value for name, value in stored.items() if name in expected or not _is_nothing(value)
    }


def _is_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_nothing, value.values()))
    return value is None or value == 0


def _differences(key: str, expected: Any, actual: Any) -> Iterator[Violation]:
    """A violation for each differing value of nested objects, by its path."""
    values, others = dict(_leaves(key, expected)), dict(_leaves(key, actual))
    for name in sorted(values.keys() | others.keys()):
        value, other = values.get(name, "nothing"), others.get(name, "nothing")
        if not _same(value, other):
            yield Violation.of("cycle_metrics", name, value, other)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    else:
        yield name, value


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, float) and isinstance(other, float):
        return isclose(value, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(value == other)
