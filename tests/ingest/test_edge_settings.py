"""What of the edge is set: the earliest time, and what a fee is measured by."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine import Engine
from engine.errors import SettingsError
from engine.history.evidence import DECIDED
from engine.history.xray import xray
from engine.settings import load_settings
from tests.builders import (
    BTC,
    ETH,
    Ran,
    Reported,
    cycledeck,
    fee,
    opened,
    reported,
    resolution,
    settings_in,
    verified,
)
from tests.fakes import FakeVenue
from tests.ingest.recorded_ledger import RecordedLedger

REBATE = reported("1", takerOrMaker="taker", fees=[fee("-0.5")])
TOO_HIGH = reported("2", ts=2_000, fees=[fee("3")])


class LibraryVenue(FakeVenue):
    """A venue whose items a client library has made."""

    name = "ccxt:fake"

    def __init__(self, reports: list[Reported], *, taker_rebates: bool = False) -> None:
        super().__init__(reports, takes_orders=False)
        self.taker_rebates = taker_rebates


async def operator(*command: object) -> Ran:
    return await asyncio.to_thread(cycledeck, "quarantine", *command)


def warnings(result: Any) -> list[tuple[str, str, str]]:
    return [(w["symbol"], w["type"], w["message"]) for w in result["warnings"]]


# --- the earliest time


def test_what_is_dated_before_the_earliest_time_is_held_until_that_is_set_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = RecordedLedger(tmp_path)
    old = reported("1") | {"timestamp": 1_000_000_000_000}
    items = [old, reported("2")]
    assert (ledger.once(*items)["held"], ledger.ids) == ([BTC], ["2"])
    [item] = ledger.ask("quarantine", "list")
    assert "is before 2009-01-03 (the setting earliest): are these seconds" in item["reason"]
    monkeypatch.setenv("CYCLEDECK_EARLIEST", "2001-01-01")
    result = ledger.once(*items)
    assert (result["held"], ledger.ids) == ([], ["1", "2"])
    monkeypatch.setenv("CYCLEDECK_EARLIEST", "2024-01-01")
    assert ledger.once(*items)["held"] == []
    ledger.prove(3)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("earliest", "yesterday", "earliest = 'yesterday': a time reads like"),
        ("fee_floor", "-1", "fee_floor = -1: Input should be greater than or equal to 0"),
        ("fee_floor", "much", "fee_floor = 'much': 'much' is not a decimal number"),
    ],
)
def test_a_setting_of_the_edge_that_is_none_is_refused_by_name(
    key: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(flags={key: value})
    assert message in str(error.value)


def test_the_settings_file_has_them_with_their_meaning(tmp_path: Path) -> None:
    cycledeck("init", tmp_path / "c.toml")
    template = (tmp_path / "c.toml").read_text()
    assert '# earliest = "2009-01-03"' in template
    assert '# fee_floor = "0.01"' in template


# --- fees of a recorded file


def test_strange_fees_of_a_file_are_booked_and_told_once_a_market_with_their_count(
    tmp_path: Path,
) -> None:
    ledger = RecordedLedger(tmp_path)
    items = [REBATE, TOO_HIGH, reported("3", ts=3_000, symbol=ETH, fees=[fee("0.1")])]
    result = ledger.once(*items)
    assert (result["status"], result["fills_count"]) == ("ok", 3)
    [(symbol, kind, message)] = warnings(result)
    assert (symbol, kind) == (BTC, "strange_fee")
    assert message.startswith("new fills booked with a fee that looks wrong: 2, as fee: 3 USDT")
    assert warnings(ledger.once(*items)) == []
    ledger.prove(2)


async def test_an_engine_tells_of_a_market_once(tmp_path: Path) -> None:
    venue = FakeVenue([REBATE], takes_orders=False)
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        assert [w.type for w in (await engine.cycle()).warnings] == ["strange_fee"]
        venue.reports.append(TOO_HIGH)
        result = await engine.cycle()
        assert (result.fills_count, result.warnings) == (1, ())


def test_the_floor_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLEDECK_FEE_FLOOR", "3")
    assert warnings(RecordedLedger(tmp_path).once(TOO_HIGH)) == []


# --- fees that a client library made


async def test_through_a_library_strange_fees_are_held_and_the_rest_is_booked(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    venue = LibraryVenue([REBATE, TOO_HIGH, reported("3", ts=3_000)])
    async with Engine(settings, venue=venue) as engine:
        result = await engine.cycle()
        assert (result.held, result.fills_count) == ((BTC,), 1)
    found = (await operator("list", "--db", settings.db, "--json")).json
    assert [item["reason"] for item in found] == [
        "fee: -0.5 USDT would pay a taker: is its sign wrong?",
        "fee: 3 USDT is more than 2 % of the value, 100 USDT, and above fee_floor, 0.01",
    ]
    assert reasons(settings.db, 1) == [*(item["reason"] for item in found), None]


async def test_what_the_operator_says_of_a_fee_is_booked_as_it_is(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    venue = LibraryVenue([REBATE])
    async with Engine(settings, venue=venue) as engine:
        assert (await engine.cycle()).held == (BTC,)
        await engine.decide(resolution(1, json.dumps(REBATE)), "operator")
        result = await engine.cycle()
        assert (result.held, result.fills_count) == ((), 1)
        assert result.positions[BTC].fees == {"USDT": "-0.5"}
        assert (await engine.cycle()).ledger_events_inserted == 0
        for cycle in (1, 3, 4):
            assert (await engine.replay(cycle)).verdict == "clean"
    assert verified(settings.db).violations == ()
    assert reasons(settings.db, 3) == [DECIDED, None]


async def test_an_exchange_that_pays_takers_says_so(tmp_path: Path) -> None:
    venue = LibraryVenue([REBATE], taker_rebates=True)
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        assert (await engine.cycle()).held == ()


def reasons(db: Path, cycle_id: int) -> list[str | None]:
    """Why the items of a cycle have no fill, by its x-ray."""
    with opened(db) as ledger:
        return [line.reason for line in xray(ledger, cycle_id).fills]
