"""Writes golden ledgers anew, with THIS program: `python -m tests.golden.write`.

Only for a new generation of them, in a folder named after the program's version; never to mend a
test that fails. What an earlier program wrote stays as it wrote it.
"""

import asyncio
import contextlib
import json
import os
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest.mock import patch

from engine import Engine, Kind, Page, Settings, Venue, __version__
from tests.builders import BTC, ETH, Reported, cycledeck, fee, opened, reported, serve
from tests.golden.golden_ledger import EXPECTED, FOLDER, books, pack, unpack, verdicts

# 2023-11-14T22:13:20Z; the lines are of the minutes before the first cycle.
BEGIN_MS = 1_700_000_000_000
FIRST_CYCLE_MS = BEGIN_MS + 600_000
LEDGER = Path("ledger.db")
LINES = Path("fills.jsonl")
SETTINGS = Path("cycledeck.toml")
SOL, XRP, LTC = "SOL/USDT", "XRP/USDT", "LTC/USD"

Line = Reported | str


# --- the lines


def fill(
    trade_id: str, side: str, amount: str, price: str, second: float, *fees: Any, **more: Any
) -> Reported:
    ts = more.pop("ts", BEGIN_MS + round(second * 1_000))
    return reported(trade_id, side, amount, price, fees=list(fees), timestamp=ts, **more)


FEE_TO_COME = fill("104", "buy", "0.1", "31500", 3)
TWO_FEES = fill("103", "sell", "0.3", "32000", 2, fee("0.01", "BNB"), fee("1.2"), order="o2")
FIRST = fill("101", "buy", "0.5", "30000", 0, fee("7.5"), order="o1", takerOrMaker="taker")
CUT = '{"id": "140", "symbol": "SOL/USDT", "side": "buy", "amount": "2", "price": "55"'
NO_SIDE = fill("161", "", "1", "58", 141, fee("0.1"), symbol=SOL)
NO_AMOUNT = fill("141", "buy", "n/a", "55.5", 121, fee("0.1"), symbol=SOL)


def history() -> Iterator[Line]:
    """The first cycle's lines. From the sixth to the eleventh: what later rules will refuse."""
    yield FIRST
    yield fill("102", "buy", "0.25", "31000.5", 1, fee("0.000125", "BTC"), clientOrderId="mine-1")
    yield TWO_FEES
    yield FEE_TO_COME
    yield fill("112", "buy", "2.000000000000000001", "1900.10", 4, fee("-0.19"), symbol=ETH,
               takerOrMaker="maker")  # fmt: skip
    yield fill("105", "buy", "3", "0.5", 0, fee("0.001", "USD"), symbol=LTC, ts=1_000)
    yield fill("106", "buy", "1000", "0.08", 5, fee("-0.02"), symbol="DOGE/USDT",
               takerOrMaker="taker")  # fmt: skip
    yield fill("107", "buy", "100", "2", 6, fee("10"), symbol="ADA/USDT")
    yield fill("108", "buy", "3", "37000", 7, fee("0.5"), symbol="BTC/USDT:USDT")
    yield fill("109", "sell", "10", "2000", 8, fee("0.005", "ETH"), symbol="ETH/USDT:USDT")
    yield fill("110", "buy", "100", "37000", 9, fee("0.000002", "BTC"), symbol="BTC/USD:BTC")
    # Folded in another order than they come in.
    yield fill("a9", "buy", "1", "200", 9.5, symbol="BNB/USDT")
    yield fill("10", "sell", "0.9", "220", 9.5, fee("0.01", "BNB"), symbol="BNB/USDT")
    yield fill("8", "buy", "1", "100", 9.5, symbol="BNB/USDT")
    yield fill("9", "buy", "1", "210", 9.5, fee("0.1", "USDT"), symbol="BNB/USDT")
    # More events than lie between two checkpoints.
    for number in range(130):
        yield fill(f"x{number}", "sell" if number % 3 == 2 else "buy", f"{number % 7 + 1}.3",
                   f"0.6{number % 9}", 10 + number / 2, fee("0.0007"), symbol=XRP)  # fmt: skip


def late() -> Iterator[Line]:
    """Fills among those that are booked, a fee that was not known, and two that look the same."""
    yield fill("120", "sell", "0.2", "30500", 0.5, fee("0.0001", "BTC"))
    yield FEE_TO_COME | {"fees": [fee("0.63")]}
    yield fill("123", "buy", "7", "0.61", 60.25, fee("0.001", "BNB"), symbol=XRP)
    yield fill("121", "buy", "0.01", "31000", 15, fee("0.155"), order="o3")
    yield fill("122", "buy", "0.01", "31000", 15, fee("0.155"), order="o3")


def contradicting() -> Iterator[Line]:
    """A fill told otherwise, a fee told otherwise, and a trade id that is another market's."""
    yield FIRST | {"price": "30001"}
    yield TWO_FEES | {"fees": [fee("0.02", "BNB"), fee("1.2")]}
    yield fill("101", "sell", "1", "1950", 100, fee("0.97"), symbol=ETH)
    yield fill("130", "buy", "0.02", "31100", 101, fee("0.3"))


def unreadable() -> Iterator[Line]:
    yield CUT
    yield NO_AMOUNT
    yield fill("142", "buy", "1", "56", 122, fee("0.1"), symbol=SOL)


def closing() -> Iterator[Line]:
    """One position through zero, one to nothing, and more sold than there was."""
    yield fill("150", "sell", "2", "33000", 130, fee("33"))
    yield fill("151", "sell", "3", "57", 131, fee("0.1"), symbol=SOL)
    yield fill("153", "buy", "1", "1960", 131, fee("0.0005", "ETH"), symbol=ETH)
    yield fill("152", "sell", "5", "0.6", 132, fee("0.001", "USD"), symbol=LTC)


def last() -> Iterator[Line]:
    yield NO_SIDE
    yield fill("160", "buy", "0.000000003", "34000", 140, fee("0.0000001"))


STAGES: Sequence[Callable[[], Iterable[Line]]] = (
    history, late, contradicting, unreadable, closing, last,
)  # fmt: skip


def served(stages: int, with_ids: bool) -> list[Line]:
    """The lines after so many stages.

    What is told anew of a fill is a line more; where trades have no ids, it replaces the first one.
    """
    lines = [line for stage in STAGES[:stages] for line in stage()]
    if with_ids:
        return lines
    latest: dict[str, Line] = {}
    for line in lines:
        latest[line if isinstance(line, str) else f"{line['symbol']} {line['id']}"] = line
    return [
        line if isinstance(line, str) else {k: v for k, v in line.items() if k != "id"}
        for line in latest.values()
    ]


# --- the ledgers


def write_recorded(trade_ids: str) -> None:
    """Six cycles on a file that grows, three replays, items resolved and one not, metrics lost."""
    SETTINGS.write_text(
        'db = "ledger.db"\nvenue = "recorded:fills.jsonl"\nlookback = "20s"\nkeep_inputs = "0"\n\n'
        f'[recorded]\ntrade_ids = "{trade_ids}"\n'
    )

    def cycle(stage: int) -> None:
        serve(LINES, served(stage, trade_ids != "none"))
        done("once")

    cycle(1)
    done("replay", 1)
    cycle(2)
    cycle(3)
    cycledeck("replay", 4)  # `conflict`, which its exit code says.
    cycle(4)
    corrected = {k: v for k, v in NO_AMOUNT.items() if trade_ids != "none" or k != "id"}
    resolve({'"n/a"': json.dumps(corrected | {"amount": "2"}), CUT: None, '"1950"': None})
    cycle(5)
    cycledeck("replay", 6)
    with losing_metrics():
        cycle(6)


def write_sim() -> None:
    """Cycles with orders on an exchange that does everything wrong, then on one that stands still.

    Its settings leave it so: a cycle more finds nothing new.
    """
    SETTINGS.write_text(
        'db = "ledger.db"\nvenue = "sim"\nseed = 8\nsymbols = ["BTC/USDT", "SOL/USDT"]\n'
        'strategy = "none"\nkeep_inputs = "0"\n\n[sim]\nlatency_ms = 0\nstep_ms = 0\n'
    )
    asyncio.run(trade(cycles=6, replayed=2))
    asyncio.run(trade(kind=Kind.RECONCILE))
    asyncio.run(trade(garbled=True))
    manual = reported("manual", "buy", "0.001", "64000", BEGIN_MS, BTC, fees=[fee("0.03")])
    resolve({"no JSON": None, '"n/a"': json.dumps(manual)})
    asyncio.run(trade(risk={"kill_switch": True}))
    asyncio.run(trade(sim={"mischief": {"server_error": 1}}))
    asyncio.run(trade(cycles=4, replayed=8))
    done("once")
    with losing_metrics():
        done("once")


async def trade(
    cycles: int = 1,
    kind: Kind = Kind.LIVE,
    replayed: int | None = None,
    garbled: bool = False,
    **more: Any,
) -> None:
    settings = sim_settings(**more)
    venue = cast("Venue", Garbled(Engine(settings).venue)) if garbled else None
    async with Engine(settings, venue=venue) as engine:
        for _ in range(cycles):
            await engine.cycle(kind)
        if replayed is not None:
            await engine.replay(replayed)


def sim_settings(**more: Any) -> Settings:
    mischief = {
        "duplicate": 0.2, "out_of_order": 0.3, "late": 0.3, "null_fee": 0.3, "late_by_ms": 4_000,
        "truncate": 0.03, "burst": 0.02, "timeout": 0.05, "server_error": 0.05, "rate_limit": 0.03,
    }  # fmt: skip
    values: dict[str, Any] = {
        "db": LEDGER, "venue": "sim", "seed": 8, "symbols": f"{BTC},{SOL}", "keep_inputs": "0",
        "ladder": {"spacing_bps": "5", "levels": 2}, "retry_wait": "1ms",
        "sim": {"step_ms": 2_000, "mischief": mischief}, "log": {"level": "error"},
    }  # fmt: skip
    return Settings(**(values | more))


class Garbled:
    """A venue whose fills of one market come with three items that an exchange should not send."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        async for page in self._venue.fetch_fills(symbol, since_ms):
            yield Page((*page.items, *self._slips(page.items)), page.last)

    def _slips(self, items: Sequence[str]) -> Iterator[str]:
        for item in map(json.loads, items[:1]):
            if item["symbol"] == BTC:
                yield json.dumps(item | {"price": str(Decimal(item["price"]) + 1)})
                yield json.dumps(item | {"amount": "n/a"})
                yield f"{item['id']}: no JSON"


def done(*command: object) -> None:
    ran = cycledeck(*command)
    assert ran.code == 0, ran


def resolve(corrections: dict[str, str | None]) -> None:
    """Resolve the items that contain a text: by what stands for them, or dropping them."""
    for item in cycledeck("quarantine", "list", "--json").json:
        for text, corrected in corrections.items():
            if text in item["raw"]:
                how = ["--drop"] if corrected is None else ["--as", file_with(corrected)]
                done("quarantine", "resolve", item["id"], *how)


def file_with(text: str) -> Path:
    path = Path("corrected.json")
    path.write_text(text)
    return path


@contextlib.contextmanager
def losing_metrics() -> Iterator[None]:
    """A cycle inside commits, and cannot write what it knows of itself."""
    with opened(LEDGER) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON cycle_metrics "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    try:
        yield
    finally:
        with opened(LEDGER) as connection:
            connection.execute("DROP TRIGGER full")


# --- writing


@contextlib.contextmanager
def nowhere(name: str) -> Iterator[None]:
    """No machine, person or moment: the same program writes the same."""
    looks = count(FIRST_CYCLE_MS * 1_000_000, 1_000_000)
    draws = Random(name)
    with contextlib.ExitStack() as patched:
        for target, attribute, value in (
            (time, "time_ns", looks.__next__),
            (time, "perf_counter", lambda: 0.0),
            (socket, "gethostname", lambda: "golden"),
            (os, "getpid", lambda: 1),
            (uuid, "uuid4", lambda: uuid.UUID(int=draws.getrandbits(128), version=4)),
        ):
            patched.enter_context(patch.object(target, attribute, value))
        patched.enter_context(patch.dict(os.environ, {"LOGNAME": "operator"}))
        yield


def write(name: str, ledger: Callable[[], None], golden: Path) -> None:
    with tempfile.TemporaryDirectory() as made, contextlib.chdir(made), nowhere(name):
        ledger()
        pack(Path(made), golden)
    with tempfile.TemporaryDirectory() as copy, contextlib.chdir(copy):
        unpack(golden, Path(copy))
        expected: dict[str, Any] = {"books": books()}
        last_id = expected["books"]["last_cycle"]["cycle_id"]
        expected["verdicts"] = asyncio.run(verdicts(range(1, last_id + 1)))
    (golden / EXPECTED).write_text(json.dumps(expected, indent=1) + "\n")


def main() -> None:
    generation = FOLDER / __version__
    for trade_ids in ("account", "market", "none"):
        name = f"recorded-{trade_ids}"
        write(name, partial(write_recorded, trade_ids), generation / name)
    write("sim", write_sim, generation / "sim")


if __name__ == "__main__":
    main()
