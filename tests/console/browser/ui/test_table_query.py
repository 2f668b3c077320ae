"""What is looked at, and where one came from."""

from console.browser.model import Condition, Order
from console.browser.ui.table_query import Place, Spot, Trail


def test_sorting_turns_from_ascending_to_descending_to_none() -> None:
    place = Place("t").with_sort_turned("a")
    assert place.order == (Order("a"),)
    place = place.with_sort_turned("a")
    assert place.order == (Order("a", descending=True),)
    assert place.with_sort_turned("a") == Place("t")
    assert place.with_sort_turned("b").order == (Order("b"),)


def test_filters_stay_when_the_order_is_another() -> None:
    where = (Condition("a", "=", "1"),)
    assert Place("t", where=where).with_sort_turned("b").where == where


def test_the_newest_steps_are_kept() -> None:
    trail = Trail()
    for number in range(Trail.MOST_KEPT + 5):
        trail.push(Place(f"t{number}"), Spot(number))
    for number in reversed(range(5, Trail.MOST_KEPT + 5)):
        assert trail.pop() == (Place(f"t{number}"), Spot(number))
    assert trail.pop() is None
