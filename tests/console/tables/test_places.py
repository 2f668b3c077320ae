"""What is looked at, and where one came from."""

from console.browse.model import ColumnInfo, Condition, Order, TableInfo
from console.tables.places import Place, Spot, Trail, grows

EVENTS = TableInfo("events", "table", (ColumnInfo("seq", "INTEGER", primary=1), ColumnInfo("ts")))


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


def test_rows_in_the_order_of_their_keys_grow_and_sorted_ones_do_not() -> None:
    assert grows(Place("events"), EVENTS)
    assert grows(Place("events", order=(Order("seq", descending=True),)), EVENTS)
    assert not grows(Place("events", order=(Order("ts"),)), EVENTS)
    assert not grows(Place("seen"), TableInfo("seen", "view", ()))
    assert not grows(Place(sql="select 1"), None)


def test_the_newest_steps_are_kept() -> None:
    trail = Trail()
    for number in range(Trail.MOST_KEPT + 5):
        trail.push(Place(f"t{number}"), Spot(number))
    for number in reversed(range(5, Trail.MOST_KEPT + 5)):
        assert trail.pop() == (Place(f"t{number}"), Spot(number))
    assert trail.pop() is None
