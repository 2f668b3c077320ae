"""What decides something beside the books cannot be changed by hand unseen."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from engine import Engine
from tests.builders import (
    cycledeck,
    fee,
    opened,
    reported,
    resolution,
    serve,
    settings_in,
    verified,
)

FILLS = [
    reported("1", fees=[fee("1")]),
    reported("2", ts=2_000) | {"amount": "NaN"},
    reported("3", "sell", ts=3_000),
    *(reported(number, ts=4_000) | {"amount": "NaN"} for number in ("4", "5")),
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a conflict, an item in quarantine, evidence and a failed cycle."""
    return asyncio.run(made(tmp_path_factory.mktemp("records")))


async def made(folder: Path) -> Path:
    source = serve(folder / "fills.jsonl", FILLS)
    async with Engine(settings_in(folder, source)) as engine:
        await engine.cycle()
        serve(source, [FILLS[0] | {"price": "101"}, *FILLS[1:]])
        await engine.cycle()
        await engine.decide(resolution(2), "operator")
        await engine.decide(resolution(3, json.dumps(reported("5", ts=4_000))), "operator")
        await engine.cycle()
        source.write_text("{cut short")
        await engine.cycle()
    return folder / "ledger.db"


def test_what_stands_beside_sound_books_is_sound(ledger: Path) -> None:
    verification = verified(ledger)
    assert verification.violations == ()
    looked = {"schema", "cycles", "conflicts", "quarantine", "evidence"}
    assert {name for name in looked if verification.checked[name]} == looked


@pytest.mark.parametrize(
    ("change", "table", "key"),
    [
        ("CREATE TRIGGER evil AFTER INSERT ON ledger_events BEGIN SELECT 1; END",
         "sqlite_master", "trigger evil"),
        ("DROP INDEX ledger_events_by_time", "sqlite_master", "index ledger_events_by_time"),
        ("CREATE TABLE more (a)", "sqlite_master", "table more"),
        ("UPDATE conflicts SET reported_json = replace(reported_json, '101', '102')",
         "conflicts", "1"),
        ("UPDATE conflicts SET reported_hash = x'00'", "conflicts", "1"),
        ("UPDATE conflicts SET event_id = 'fill:3'", "conflicts", "1.event_id"),
        ("UPDATE conflicts SET cycle_id = 1", "conflicts", "1.cycle_id"),
        ("UPDATE quarantine SET raw = replace(raw, 'NaN', '1')", "quarantine", "1.raw"),
        ("UPDATE quarantine SET digest = x'00' WHERE id = 1", "quarantine", "1.raw"),
        ("UPDATE quarantine SET status = 'dropped' WHERE id = 1", "quarantine", "1.status"),
        ("UPDATE quarantine SET status = 'dropped', resolved_ms = 1, resolved_cycle_id = 1,"
         " decided_seq = 0 WHERE id = 1", "quarantine", "1.status"),
        ("UPDATE quarantine SET status = 'booked', note = 'fill 9 is in the ledger' WHERE id = 1",
         "quarantine", "1.note"),
        ("UPDATE quarantine SET symbol = 'ETH/USDT' WHERE id = 1", "quarantine", "1.symbol"),
        ("UPDATE quarantine SET replacement = '{}' WHERE id = 1", "quarantine", "1.replacement"),
        ("UPDATE quarantine SET applied_cycle_id = 1 WHERE id = 1",
         "quarantine", "1.applied_cycle_id"),
        ("UPDATE quarantine SET status = 'open', resolved_ms = NULL WHERE id = 2",
         "quarantine", "2.status"),
        ("UPDATE quarantine SET resolved_cycle_id = 1 WHERE id = 2",
         "quarantine", "2.resolved_cycle_id"),
        ("DELETE FROM quarantine WHERE id = 2", "quarantine", "2"),
        ("UPDATE quarantine SET replacement = replace(replacement, '\"5\"', '\"6\"') WHERE id = 3",
         "quarantine", "3.replacement"),
        ("UPDATE quarantine SET replacement = replace(replacement, '\"5\"', '\"6\"') WHERE id = 3",
         "quarantine", "3.applied_cycle_id"),
        ("UPDATE input_items SET raw = replace(raw, '\"100\"', '\"99\"') WHERE number = 1",
         "input_items", "BTC/USDT 1.raw"),
        ("DELETE FROM input_items WHERE number = 2", "cycle_inputs", "1 BTC/USDT.items"),
        ("UPDATE cycle_inputs SET items = 7 WHERE cycle_id = 1", "cycle_inputs",
         "1 BTC/USDT.items"),
        ("UPDATE cycles SET status = 'failed' WHERE cycle_id = 1", "cycles", "1.status"),
        ("UPDATE cycles SET status = 'ok' WHERE cycle_id = 6", "cycles", "6.status"),
        ("UPDATE cycles SET fills_count = 9 WHERE cycle_id = 1", "cycles", "1.fills_count"),
        ("INSERT INTO position_checkpoints VALUES ('X/Y', 'main', 'net', 'cash', 1, 'e', 't', '1',"
         " '0', '0', '{}', 1, '0', '{}', '{}')", "position_checkpoints", "X/Y.qty"),
    ],
)  # fmt: skip
def test_what_was_changed_by_hand_is_named(
    ledger: Path, tmp_path: Path, change: str, table: str, key: str
) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(ledger, path)
    with opened(path) as connection:
        connection.execute(change)
    assert (table, key) in {(v.table, v.key) for v in verified(path).violations}


def test_a_chain_that_was_built_anew_does_not_have_the_head_of_before(
    ledger: Path, tmp_path: Path
) -> None:
    head = cycledeck("head", "--db", ledger, "--json").json
    assert cycledeck("head", "--db", ledger).out == f"{head['commit_seq']} {head['hash']}\n"
    assert cycledeck("verify", "--db", ledger, "--head", head["hash"]).code == 0
    other = asyncio.run(made(tmp_path))
    assert cycledeck("verify", "--db", other).code == 0
    ran = cycledeck("verify", "--db", other, "--head", head["hash"], "--json")
    assert ran.code == 1
    [violation] = ran.json["violations"]
    assert (violation["key"], violation["expected"]) == ("hash", head["hash"])
