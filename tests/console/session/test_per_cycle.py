from console.session.per_cycle import PerCycle
from console.session.view import MOST_CYCLES
from engine import CycleResult, CycleStatus
from tests.console import published as p


def test_what_is_made_of_a_result_is_made_once() -> None:
    made: list[int] = []

    def status(result: CycleResult) -> CycleStatus:
        made.append(result.cycle_id)
        return result.status

    found = PerCycle(status)
    result = p.result(7)
    assert [found(result), found(result)] == [result.status] * 2
    assert made == [7]


def test_a_result_that_was_published_again_is_another_one() -> None:
    found = PerCycle(lambda result: result.metrics_persisted)
    assert found(p.result(7, metrics_persisted=False)) is False
    assert found(p.result(7)) is True


def test_it_does_not_grow_without_end() -> None:
    found = PerCycle(lambda result: result.cycle_id)
    one = p.result(1)
    for number in range(5 * MOST_CYCLES):
        assert found(one.model_copy(update={"cycle_id": number})) == number
    assert len(found._values) <= 2 * MOST_CYCLES
