from decimal import Decimal

import published as p
from hypothesis import given
from hypothesis import strategies as st

from console.lines import Tone, plain
from console.totals import written
from console.widgets.position_rows import (
    LONGEST_SYMBOL,
    PositionRows,
    Room,
    columns_for,
    fees_of,
    gain,
    position_cells,
)
from console.widgets.positions import totals

MONEY = ("qty", "avg cost", "mark", "unrealised", "realised")
amounts = st.decimals(
    min_value=Decimal("-1e24"), max_value=Decimal("1e24"), allow_nan=False, places=18
)


def shown(**changes: object) -> list[str]:
    return [plain(cell).strip() for cell in position_cells(p.BTC, p.position(**changes), 12)]


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
    assert text.startswith(digits)
    assert digits.partition(".")[0] == text.partition(".")[0]


@given(st.lists(amounts, min_size=1, max_size=5), st.integers(30, 250))
def test_whole_digits_always_have_their_place(found: list[Decimal], width: int) -> None:
    text = written(max(found, key=abs))
    positions = {p.BTC: p.position(qty=text, unrealized=text)}
    columns = columns_for(Room().including(positions), width)
    cells = position_cells(p.BTC, positions[p.BTC], columns[1].width)
    for number in (1, 4):
        told = plain(cells[number])
        assert len(told) <= columns[number].width
        assert (
            told.partition(".")[0].lstrip("▲▼ +").rstrip("…").replace(",", "")
            == (text.partition(".")[0])
        )


def test_columns_go_in_a_fixed_order() -> None:
    room = Room().including({p.BTC: p.position()})

    def fits(width: int) -> set[str]:
        columns = list(columns_for(room, width))
        while sum(column.width + 2 for column in columns) + 1 > width:
            columns.remove(max(columns, key=lambda column: column.drop))
        return {column.title for column in columns}

    everything = {"symbol", *MONEY, "fees"}
    assert fits(160) == everything
    assert fits(116) == everything
    assert fits(90) == everything - {"fees"}
    assert fits(75) == everything - {"fees", "mark"}
    assert fits(56) == everything - {"fees", "mark", "avg cost"}


def test_columns_become_wider_and_never_narrower() -> None:
    wide = Room().including({p.BTC: p.position(qty="123456789.123456789")})
    assert wide.including({p.BTC: p.position(qty="1")}) == wide
    assert wide.money > Room().money


def test_open_positions_come_first_and_flat_ones_are_dim() -> None:
    rows = PositionRows.of(
        {"A/X": p.position(qty="0"), "B/X": p.position()}, columns_for(Room(), 120)
    )
    assert rows.symbols == ("B/X", "A/X")
    assert rows.number_of("A/X") == 1
    assert rows.number_of("C/X") is None
    flat = rows.row(1)
    assert flat is not None
    assert {tone for _, tone in flat.cells[0] + flat.cells[1]} == {Tone.DIM}
    assert rows.row(2) is None


def test_an_oversold_position_is_flagged_and_the_flag_has_its_place() -> None:
    position = p.position(qty="-1", oversold=True)
    assert plain(position_cells(p.BTC, position, 12)[0]) == "BTC/USDT ◆ oversold"
    assert Room().including({p.BTC: position}).symbol == len("BTC/USDT ◆ oversold")
    endless = Room().including({"X" * 10_000: p.position()})
    assert endless.symbol == LONGEST_SYMBOL


def test_fees_stay_in_their_own_currencies() -> None:
    position = p.position(fees={"BNB": "0.0021", "USDT": "-0.0004"})
    assert plain(fees_of(position)) == "0.0021 BNB · -0.0004 USDT"


def test_fees_in_the_quote_currency_come_first_and_all_are_cut_alike() -> None:
    position = p.position(fees={"BNB": "0.00211234", "USDT": "10.123456"})
    assert plain(fees_of(position, "USDT")) == "10.123456 USDT · 0.00211234 BNB"
    assert plain(fees_of(position, "USDT", 26)) == "10.123… USDT · 0.0021… BNB"
    assert plain(fees_of(position, "USDT", 10)) == "10.12… USDT · 0.002… BNB"


def test_totals_never_add_different_currencies() -> None:
    positions = {
        "BTC/USDT": p.position(net="0.1", fees={"USDT": "0.1", "BNB": "1"}),
        "ETH/USDT": p.position(net="0.2", fees={"USDT": "0.2"}),
        "ETH/BTC": p.position(net="-0.001", fees={"BTC": "0.00000001"}),
    }
    assert totals(positions, 200) == (
        "net +0.3 USDT, -0.001 BTC · fees 0.3 USDT, 1 BNB, 0.00000001 BTC"
    )


def test_totals_that_do_not_fit_are_left_out_whole() -> None:
    positions = {"BTC/USDT": p.position(net="0.1")}
    assert totals(positions, 20) == "net +0.1 USDT"
    assert totals(positions, 12) == "1 position"
    assert totals(positions, 3) == ""
    assert totals({}, 100) == ""
