from decimal import Decimal

import pytest

from console.kit.bars import Signed, Stacked
from console.kit.curve import Curve
from console.kit.lines import Tone
from console.screens.shared.cycle_charts import Charted, CycleCharts, currencies_of
from console.screens.shared.dedupe import Counted
from engine.cycles.results import CycleResult
from tests.console import published as p


def newest_first(*results: CycleResult) -> list[CycleResult]:
    return list(reversed(results))


def test_the_charts_follow_each_other_in_a_ring() -> None:
    seen = [Charted.FILLS]
    while (following := seen[-1].next) not in seen:
        seen.append(following)
    assert set(seen) == set(Charted)


def test_fills_per_order_are_bars_with_gaps_where_there_were_no_orders() -> None:
    results = newest_first(
        p.result(1),
        p.result(2, orders_submitted=0, fills_per_submitted_order=None),
        p.result(3, metrics_persisted=False, fills_per_submitted_order=None),
        p.result(4, fills_per_submitted_order=0.0),
    )
    found = CycleCharts().figure(Charted.FILLS, results)
    assert found == Stacked((((0.75, Tone.LIVE),), None, None, ((0.0, Tone.LIVE),)))


def test_slippage_is_signed_and_a_cost_asks_for_attention() -> None:
    results = newest_first(p.result(1), p.result(2, slippage_bps_avg=None))
    found = CycleCharts().figure(Charted.SLIPPAGE, results)
    assert found == Signed((1.8, None), up=Tone.ATTENTION, down=Tone.SHADE)


def test_pnl_is_known_only_where_positions_are() -> None:
    results = newest_first(p.result(1, positions={}), p.result(2))
    found = CycleCharts().figure(Charted.PNL, results)
    assert isinstance(found, Curve)
    assert found.values == (None, Decimal("33.04") + Decimal("49.4838") - Decimal("25.62"))
    assert found.tone is Tone.OK


def test_pnl_is_of_the_currency_most_used_and_says_which_are_left_out() -> None:
    positions = p.positions() | {"ETH/BTC": p.position()}
    results = [p.result(2, positions=positions), p.result(1, positions={})]
    assert currencies_of(results) == ["USDT", "BTC"]
    assert Charted.PNL.label(results) == "PnL, USDT (without BTC)"
    assert Charted.PNL.label([p.result(1)]) == "PnL, USDT"
    assert Charted.PNL.label([]) == "PnL"


def test_a_loss_is_drawn_in_another_tone() -> None:
    lost = {p.BTC: p.position(net="-100", unrealized="-1")}
    found = CycleCharts().figure(Charted.PNL, [p.result(1, positions=lost)])
    assert isinstance(found, Curve)
    assert found.tone is Tone.DANGER


def test_time_by_phase_has_a_part_for_each_step_there_was() -> None:
    results = newest_first(p.result(1), p.failed(2), p.result(3, timings_ms={}))
    found = CycleCharts().figure(Charted.TIME, results)
    assert isinstance(found, Stacked)
    whole, part, unknown = found.bars
    assert whole is not None
    assert [value for value, _ in whole] == [31.2, 1.1, 4.1, 3.9, 0.4]
    assert part is not None
    assert len(part) == 4
    assert unknown is None
    assert len({tone for _, tone in whole}) == 5


def test_counts_add_up_over_cycles() -> None:
    found = Counted.of([p.result(1), p.result(2, ledger_events_conflicting=2)])
    assert found == Counted(96, 12, 84, 2)
    assert found.dedupe_percent == pytest.approx(87.5)
    assert Counted.of([]).dedupe_percent is None


def test_not_everything_was_known_unless_everything_was() -> None:
    assert Counted(100_000, 1, 99_999, 0).dedupe_percent == 99.9
    assert Counted(10, 0, 10, 0).dedupe_percent == 100.0
