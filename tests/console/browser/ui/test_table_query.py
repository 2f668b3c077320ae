"""What is looked at, and where one came from."""

from console.browser.model import Condition, SortTerm
from console.browser.ui.table_query import Spot, TableQuery, Trail


def test_sorting_turns_from_ascending_to_descending_to_none() -> None:
    place = TableQuery("t").with_sort_turned("a")
    assert place.order == (SortTerm("a"),)
    place = place.with_sort_turned("a")
    assert place.order == (SortTerm("a", descending=True),)
    assert place.with_sort_turned("a") == TableQuery("t")
    assert place.with_sort_turned("b").order == (SortTerm("b"),)


def test_filters_stay_when_the_order_is_another() -> None:
    where = (Condition("a", "=", "1"),)
    assert TableQuery("t", where=where).with_sort_turned("b").where == where


def test_the_newest_steps_are_kept() -> None:
    trail = Trail()
    for number in range(Trail.LONGEST + 5):
        trail.push(TableQuery(f"t{number}"), Spot(number))
    for number in reversed(range(5, Trail.LONGEST + 5)):
        assert trail.pop() == (TableQuery(f"t{number}"), Spot(number))
    assert trail.pop() is None
