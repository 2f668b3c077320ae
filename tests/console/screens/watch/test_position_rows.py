from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kit.lines import Tone, plain, width_of
from console.screens.watch.position_rows import (
    LONGEST_SYMBOL,
    PositionRows,
    Room,
    fees_of,
    gain,
    position_cells,
)
from console.screens.watch.positions import totals
from console.session.totals import written
from tests.console import published as p

MONEY = ("qty", "avg cost", "mark", "unrealized", "realized")
WIDTHS = (8, 12, 12, 12, 12, 12, 18)
# Fees in two currencies, and figures with the 18 decimals of an average cost that does not end.
LONG = p.position(
    qty="0.02500653",
    avg_cost="63943.288047384756102834",
    mark="63817.68",
    unrealized="-3.824970583847561028",
    realized_pnl="0.401539968475610283",
    fees={"USDT": "0.374289617", "BNB": "0.00041"},
)
amounts = st.decimals(
    min_value=Decimal("-1e24"), max_value=Decimal("1e24"), allow_nan=False, places=18
)


def shown(**changes: object) -> list[str]:
    return [plain(cell).strip() for cell in position_cells(p.BTC, p.position(**changes), WIDTHS)]


def test_a_position_is_told_in_its_own_digits() -> None:
    assert shown() == [
        "BTC/USDT",
        "0.074",
        "64,211.4",
        "64,880.1",
        "▲ +49.4838",
        "▲ +31.07",
        "2.91 USDT",
    ]


def test_a_loss_and_a_gain_differ_in_shape_sign_and_tone() -> None:
    assert gain("-25.62") == (("▼ -25.62", Tone.DANGER),)
    assert gain("25.62") == (("▲ +25.62", Tone.OK),)
    assert gain("0") == (("0", Tone.DIM),)
    assert plain(gain(None)) == "–"


@given(amounts)
def test_money_is_cut_and_never_rounded(amount: Decimal) -> None:
    text = written(amount)
    (found, _) = gain(text, 12)[0]
    digits = found.lstrip("▲▼ +").replace(",", "").removesuffix("…")
    if "e" in digits:  # Nothing but zeros would be left.
        assert 0 < abs(Decimal(digits.replace("…", ""))) <= abs(amount) < 1
        return
    assert text.startswith(digits)
    assert digits.partition(".")[0] == text.partition(".")[0]


@given(st.lists(amounts, min_size=1, max_size=5), st.integers(30, 250))
def test_whole_digits_always_have_their_place(found: list[Decimal], width: int) -> None:
    text = written(max(found, key=abs))
    positions = {p.BTC: p.position(qty=text, unrealized=text)}
    columns = Room().including(positions).columns(width)
    cells = position_cells(p.BTC, positions[p.BTC], [column.width for column in columns])
    for number in (1, 4):
        told = plain(cells[number])
        assert len(told) <= columns[number].width
        digits = told.lstrip("▲▼ +").rstrip("…").replace(",", "")
        assert "e" in digits or digits.partition(".")[0] == text.partition(".")[0]


def shown_in(room: Room, width: int, *, oversold: bool = False) -> set[str]:
    """The columns a table so wide has, as a grid leaves them out."""
    columns = list(room.columns(width, oversold=oversold))
    while sum(column.width + 2 for column in columns) + 1 > width:
        columns.remove(max(columns, key=lambda column: column.drop))
    return {column.title for column in columns}


def test_funding_is_a_column_beside_realized_where_any_position_has_some() -> None:
    positions = {p.BTC: p.position(), p.ETH: p.position(funding="-0.3")}
    room = Room().including(positions)
    assert [column.title for column in room.columns(160)][-3:] == ["realized", "funding", "fees"]
    assert shown_in(room, 90) == {"symbol", *MONEY, "funding"}
    assert shown_in(room, 75) == {"symbol", *MONEY} - {"mark"}
    columns = list(room.columns(160))
    cells = position_cells(p.ETH, positions[p.ETH], [column.width for column in columns])
    assert plain(cells[-2]) == "▼ -0.3"


def test_columns_go_in_a_fixed_order() -> None:
    room = Room().including({p.BTC: p.position()})
    everything = {"symbol", *MONEY, "fees"}
    assert shown_in(room, 160) == everything
    assert shown_in(room, 116) == everything
    assert shown_in(room, 90) == everything - {"fees"}
    assert shown_in(room, 75) == everything - {"fees", "mark"}
    assert shown_in(room, 56) == everything - {"fees", "mark", "avg cost"}


def test_columns_become_wider_and_never_narrower() -> None:
    wide = Room().including({p.BTC: p.position(qty="123456789.123456789")})
    assert wide.including({p.BTC: p.position(qty="1")}) == wide
    assert wide.money[0] == len("123,456,789.123456789")
    assert wide.money[1:] == Room().including({p.BTC: p.position()}).money[1:]


def test_open_positions_come_first_and_flat_ones_are_dim() -> None:
    rows = PositionRows({"A/X": p.position(qty="0"), "B/X": p.position()}, Room().columns(120))
    assert rows.keys == ["B/X", "A/X"]
    assert rows.number_of("A/X") == 1
    assert rows.number_of("C/X") is None
    flat = rows.row(1)
    assert flat is not None
    assert {tone for _, tone in flat.cells[0] + flat.cells[1]} == {Tone.DIM}
    assert rows.row(2) is None


def flagged(position: Any, width: int, symbol: str = p.BTC) -> str:
    """The symbol's cell in a table so wide."""
    positions = {symbol: position}
    columns = Room().including(positions).columns(width, oversold=True)
    row = PositionRows(positions, columns).row(0)
    assert row is not None
    assert width_of(row.cells[0]) <= columns[0].width
    return plain(row.cells[0])


def test_on_a_narrow_screen_the_flag_costs_no_column_and_is_never_cut() -> None:
    position = p.position(qty="-1", oversold=True)
    assert flagged(position, 75) == "BTC/USDT ◆"
    assert flagged(position, 75, "X" * 99) == "X" * 29 + "… ◆"


@pytest.mark.parametrize("width", [56, 75, 90, 116, 160])
def test_what_was_oversold_leaves_no_trace_in_the_columns(width: int) -> None:
    room = Room().including({p.BTC: p.position()})
    since = room.including({p.BTC: p.position(oversold=True)})
    assert since == room
    assert shown_in(room, width, oversold=True) == shown_in(room, width)


def test_an_oversold_position_is_flagged_and_the_flag_has_its_place() -> None:
    position = p.position(qty="-1", oversold=True)
    assert flagged(position, 160) == "BTC/USDT ◆ oversold"
    endless = Room().including({"X" * 10_000: p.position()})
    assert endless.symbol == LONGEST_SYMBOL


def test_a_position_whose_market_is_not_ok_is_flagged_without_a_word() -> None:
    positions = {p.BTC: p.position(), p.ETH: p.position()}
    columns = Room().including(positions).columns(160, doubted=True)
    cells = [cell(PositionRows(positions, columns, {p.BTC}), number) for number in range(2)]
    assert cells == ["BTC/USDT ◆", "ETH/USDT"]


def test_of_a_long_name_the_market_is_cut_and_not_the_side() -> None:
    names = ("1000000MOG/USDT:USDT long @earn", "1000000MOG/USDT:USDT short @earn")
    positions = {name: p.position(qty="1000000") for name in names}
    columns = Room().including(positions).columns(36, doubted=True)
    rows = PositionRows(positions, columns, {names[1]})
    assert columns[0].width + columns[1].width <= 36
    long, short = (cell(rows, number).strip() for number in range(2))
    assert (long[:3], long.endswith("… long @earn")) == ("100", True)
    assert short.endswith("… short @earn ◆")


def cell(rows: PositionRows, number: int) -> str:
    row = rows.row(number)
    assert row is not None
    return plain(row.cells[0])


def test_fees_stay_in_their_own_currencies() -> None:
    position = p.position(fees={"BNB": "0.0021", "USDT": "-0.0004"})
    assert plain(fees_of(position)) == "0.0021 BNB · -0.0004 USDT"


def test_fees_in_the_quote_currency_come_first_and_all_are_cut_alike() -> None:
    position = p.position(fees={"BNB": "0.00211234", "USDT": "10.123456"})
    assert plain(fees_of(position, "USDT")) == "10.123456 USDT · 0.00211234 BNB"
    assert plain(fees_of(position, "USDT", 26)) == "10.123… USDT · 0.0021… BNB"
    assert plain(fees_of(position, "USDT", 24)) == "10.12… USDT · 0.002… BNB"


def test_fees_for_which_there_is_no_room_are_counted() -> None:
    position = p.position(fees={"BNB": "0.00211234", "USDT": "10.123456", "SOL": "0.5"})
    assert plain(fees_of(position, "USDT", 20)) == "10.12… USDT · +2"
    assert plain(fees_of(position, "USDT", 30)) == "10.12… USDT · 0.002… BNB · +1"


def cells_at(width: int) -> list[str]:
    columns = Room().including({p.BTC: LONG}).columns(width)
    row = PositionRows({p.BTC: LONG}, columns).row(0)
    assert row is not None
    return [plain(cell) for cell in row.cells]


def test_decimals_give_way_before_a_fee_loses_its_currency() -> None:
    assert cells_at(114)[-1] == "0.374… USDT · 4.1e-4 BNB"
    assert cells_at(114)[2] == "63,943.288047…"


def test_where_there_is_room_nothing_is_cut() -> None:
    assert cells_at(194) == [
        "BTC/USDT",
        "0.02500653",
        "63,943.288047384756102834",
        "63,817.68",
        "▼ -3.824970583847561028",
        "▲ +0.401539968475610283",
        "0.374289617 USDT · 0.00041 BNB",
    ]


fee_names = st.text("ABCDE", min_size=1, max_size=6)
fee_amounts = st.decimals(-(10**9), 10**9, allow_nan=False, places=18).map(written)


@given(st.dictionaries(fee_names, fee_amounts, max_size=5), st.integers(30, 250))
def test_no_fee_is_cut_off_from_its_currency(fees: dict[str, str], width: int) -> None:
    positions = {p.BTC: p.position(fees=fees)}
    columns = Room().including(positions).columns(width)
    row = PositionRows(positions, columns).row(0)
    assert row is not None
    cell = row.cells[-1]
    assert width_of(cell) <= columns[-1].width
    for told in plain(cell).split(" · ") if fees else []:
        assert told.startswith("+") or told.partition(" ")[2] in fees


def test_totals_never_add_different_currencies() -> None:
    positions = {
        "BTC/USDT": p.position(net="0.1", fees={"USDT": "0.1", "BNB": "1"}),
        "ETH/USDT": p.position(net="0.2", fees={"USDT": "0.2"}),
        "ETH/BTC": p.position(net="-0.001", fees={"BTC": "0.00000001"}),
    }
    assert totals(positions, 200) == (
        "net +0.3 USDT, -0.001 BTC · fees 0.3 USDT, 1 BNB, 0.00000001 BTC"
    )


def test_what_unknown_fees_may_change_is_marked_and_the_mark_is_explained() -> None:
    assert shown(fees_unknown=1, fees={})[1::5] == ["≈ 0.074", "≈ ?"]
    assert shown(fees_unknown=1)[6] == "≈ 2.91 USDT"
    position = p.position(fees_unknown=2, fees={"USDT": "1"})
    hedged = position_cells("BTC/USDT:USDT long", position, WIDTHS)
    assert plain(hedged[1]).strip() == "0.074"
    positions = {"BTC/USDT:USDT long": position}
    net = "net ≈ +28.16 USDT"
    assert totals(positions, 99) == f"{net} · fees ≈ 1 USDT · ≈: fees of 2 fills unknown"
    assert totals(positions, 50) == f"{net} · ≈: fees of 2 fills unknown"
    assert totals(positions, 40) == f"{net} · fees ≈ 1 USDT"


def test_totals_that_do_not_fit_are_left_out_whole() -> None:
    positions = {"BTC/USDT": p.position(net="0.1")}
    assert totals(positions, 20) == "net +0.1 USDT"
    assert totals(positions, 12) == "1 position"
    assert totals(positions, 3) == ""
    assert totals({}, 100) == ""
