"""Metrics: each row is what the ledger and the orders make it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import inf, isclose
from typing import Any

from engine.checks.check import Ahead, Record, Violation
from engine.checks.walk import Part, WalkingCheck
from engine.cycles import metrics
from engine.cycles.metrics import CycleMetrics, Figures
from engine.errors import NoSuchCycle, StoreError
from engine.ledger.positions import Positions
from engine.store.damage import DAMAGE

# Sums of floats differ in their last digits from one version of Python to another.
TOLERANCE = 1e-9


class MetricsCheck(WalkingCheck):
    """Every cycle's metrics are what the ledger and the orders say.

    Those that what the walk adds up does not prove are built as a cycle does, and what differs is
    named.
    """

    name = "metrics"

    def begin(self) -> Iterable[Violation]:
        self._rows = Ahead(self._tx.each("verify_metrics"))
        self._stored: CycleMetrics | None = None
        self._figures: Figures | None = None
        self._positions = Positions(self._tx)
        return ()

    def enter(self, commit: Record) -> Iterator[Violation]:
        cycle_id = commit["cycle_id"]
        for row in self._rows.upto(cycle_id - 1):
            yield from self._named(CycleMetrics(*row))
        self._stored = self._figures = None
        for row in self._rows.upto(cycle_id):
            self._stored = CycleMetrics(*row)
            with suppress(StoreError, *DAMAGE):
                self._figures = Figures(self._tx, commit, self._positions)

    def take(self, part: Part) -> Iterable[Violation]:
        if part.commit is not None and self._figures is not None:
            try:
                self._figures.add(part.rows)
            except (StoreError, *DAMAGE):
                self._figures = None
        return ()

    def leave(self, commit: Record) -> Iterator[Violation]:
        if self._stored is None or self._is_proven(self._stored):
            self.count(self._stored is not None)
        else:
            yield from self._named(self._stored)

    def end(self) -> Iterator[Violation]:
        for row in self._rows.upto(inf):
            yield from self._named(CycleMetrics(*row))

    def _is_proven(self, stored: CycleMetrics) -> bool:
        if self._figures is None:
            return False
        try:
            return not list(self._compare(stored, self._figures.metrics()))
        except (StoreError, *DAMAGE):
            return False

    def _named(self, stored: CycleMetrics) -> Iterator[Violation]:
        self.count()
        try:
            yield from list(self._compare(stored, metrics.build(self._tx, stored.cycle_id)))
        except NoSuchCycle as error:
            yield Violation.of("cycle_metrics", stored.cycle_id, "a committed cycle", error)
        except (StoreError, *DAMAGE) as error:
            yield Violation.of("cycle_metrics", stored.cycle_id, "readable rows", repr(error))

    def _compare(self, stored: CycleMetrics, expected: CycleMetrics) -> Iterator[Violation]:
        for name in CycleMetrics.__dataclass_fields__:
            value, actual = getattr(expected, name), getattr(stored, name)
            if name == "meta_json" and value != actual:
                value, actual = json.loads(value), json.loads(actual)
                actual = _without_nothing(actual, value)
            if name == "pnl_json" and value != actual:
                value, actual = json.loads(value), json.loads(actual)
                value = self._with_unchanged(value, actual, stored.cycle_id)
            if value != actual:
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
