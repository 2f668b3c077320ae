"""From a cell to the rows it speaks of."""

from console.browser.model import Cell, ColumnInfo, Key, Row, TableInfo
from console.browser.ui.links import Link, cycle_of, links


def table(name: str, *columns: str, key: str = "") -> TableInfo:
    infos = tuple(ColumnInfo(column, primary=int(column == key)) for column in columns)
    return TableInfo(name, "table", infos)


EVENTS = table("ledger_events", "seq", "event_id", "cycle_id", "exchange_trade_id", key="seq")
FILLS = table("applied_fills", "fill_id", "cycle_id", key="fill_id")
CYCLES = table("cycles", "cycle_id", "replay_of", key="cycle_id")
LEDGER = (EVENTS, FILLS, CYCLES)


def test_a_fill_leads_to_its_cycle_and_its_claim() -> None:
    found = links(LEDGER, EVENTS, "cycle_id", Cell("integer", "7"))
    assert found[0] == Link("cycles", "cycle_id", "7")
    assert Link("applied_fills", "cycle_id", "7") in found
    claimed = links(LEDGER, EVENTS, "exchange_trade_id", Cell("text", "t1"))
    assert Link("applied_fills", "fill_id", "t1") in claimed


def test_a_replay_leads_to_what_it_replayed() -> None:
    found = links(LEDGER, CYCLES, "replay_of", Cell("integer", "3"))
    assert found == (Link("cycles", "cycle_id", "3"),)


def test_a_row_does_not_lead_to_itself() -> None:
    assert links(LEDGER, CYCLES, "cycle_id", Cell("integer", "3"))[0].table != "cycles"
    assert links(LEDGER, EVENTS, "event_id", Cell("text", "fill:1")) == ()


def test_a_conflict_leads_to_the_event_and_not_to_itself() -> None:
    conflicts = table("conflicts", "id", "event_id", key="id")
    found = links((EVENTS, conflicts), conflicts, "event_id", Cell("text", "fill:1"))
    assert found == (Link("ledger_events", "event_id", "fill:1"),)


def test_nothing_leads_to_tables_that_are_not_in_the_file() -> None:
    assert links((EVENTS,), EVENTS, "client_order_id", Cell("text", "c")) == ()


def test_nothing_leads_from_null_a_blob_or_half_a_text() -> None:
    for cell in (Cell("null"), Cell("blob", "00"), Cell("text", "begun", 5_000), Cell("text", "")):
        assert links(LEDGER, EVENTS, "cycle_id", cell) == ()


def test_in_any_file_a_column_leads_to_the_table_it_is_the_key_of() -> None:
    albums, tracks = table("album", "album_id", key="album_id"), table("track", "id", "album_id")
    found = links((albums, tracks), tracks, "album_id", Cell("integer", "4"))
    assert found == (Link("album", "album_id", "4"),)


def test_a_row_knows_its_cycle() -> None:
    row = Row(Key("rowid", (1,)), (Cell("text", "x"), Cell("integer", "12")))
    assert cycle_of(["a", "cycle_id"], row) == 12
    assert cycle_of(["cycle_id", "a"], row) is None
    assert cycle_of(["a", "b"], row) is None
