"""The real program, killed at random moments, again and again, on one ledger."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.builders import (
    BTC,
    ETH,
    Reported,
    cycledeck,
    cycles,
    fee,
    reported,
    serve,
    settings_in,
    started,
)
from tests.faults.scenarios import SimStory, books, differences, disagreements, health

FAST = {"CYCLEDECK_RETRY_WAIT": "1ms", "CYCLEDECK_LOG__LEVEL": "error"}
MISCHIEF = {
    f"CYCLEDECK_SIM__MISCHIEF__{name}": value
    for name, value in {
        "DUPLICATE": "0.2",
        "OUT_OF_ORDER": "0.3",
        "LATE": "0.2",
        "NULL_FEE": "0.2",
        "LATE_BY_MS": "4000",
        "TRUNCATE": "0.02",
        "BURST": "0.02",
        "TIMEOUT": "0.05",
        "SERVER_ERROR": "0.02",
        "RATE_LIMIT": "0.02",
    }.items()
}


def live_and_die(chance: random.Random, environment: dict[str, str], *arguments: object) -> bool:
    """One life of `cycledeck run`, killed while it starts or some cycles later.

    Returns whether it had a cycle.
    """
    process = started("run", "--json", "--interval", "1ms", *arguments, env=environment)
    with process:
        try:
            if chance.random() < 0.25:
                time.sleep(chance.uniform(0.2, 0.7))
                lines = 0
            else:
                lines = chance.randint(1, 5)
                for _ in range(lines):
                    assert process.stdout is not None
                    assert process.stdout.readline(), process.stderr and process.stderr.read()
                time.sleep(chance.uniform(0, 0.03))
        finally:
            process.kill()
    return lines > 0


@pytest.mark.parametrize(("seed", "kills"), [(1, 4), pytest.param(2, 50, marks=pytest.mark.long)])
def test_a_sim_engine_killed_at_random_holds_what_the_exchange_holds(
    seed: int, kills: int, memory_folder: Path
) -> None:
    """FAULTS 1: SIGKILL of a trading engine, on an exchange that misbehaves as well."""
    chance = random.Random(seed)
    ledger = memory_folder / "ledger.db"
    settings = ["--db", ledger, "--seed", "11", "--symbols", "BTC/USDT,SOL/USDT"]
    lived = [live_and_die(chance, FAST | MISCHIEF, *settings) for _ in range(kills)]
    asyncio.run(SimStory(memory_folder).recover())
    problems = [*health(ledger), *disagreements(ledger)]
    assert problems == [], f"seed {seed}"
    assert cycledeck("verify", "--db", ledger).code == 0, f"seed {seed}"
    assert len(books(ledger)["events"]) > 20, f"seed {seed}"
    assert sum(lived) > kills // 2


def fills(chance: random.Random, count: int) -> list[Reported]:
    """Fills that come in about the order of their times, some of them twice."""
    items: list[Any] = []
    for number in range(count):
        ts = 1_000_000 + 1_000 * number + chance.randint(-60_000, 60_000)
        charged = [fee(f"0.{chance.randint(1, 99):02}", chance.choice(["USDT", "BNB", "BTC"]))]
        side = chance.choice(["buy", "sell"])
        symbol = chance.choice([BTC, ETH])
        items.append(reported(f"{number}", side, "0.7", "61000.01", ts, symbol, fees=charged))
        if chance.random() < 0.2:
            items.append(chance.choice(items))
    return items


@pytest.mark.parametrize(("seed", "kills"), [(3, 4), pytest.param(4, 50, marks=pytest.mark.long)])
def test_an_observing_engine_killed_at_random_books_what_an_undisturbed_one_books(
    seed: int, kills: int, memory_folder: Path
) -> None:
    """FAULTS 1: SIGKILL while the history grows; the books are equal to the last digit."""
    chance = random.Random(seed)
    history = fills(chance, 30 * kills)
    source = memory_folder / "fills.jsonl"
    ledger = memory_folder / "ledger.db"
    for life in range(1, kills + 1):
        serve(source, history[: len(history) * life // kills])
        live_and_die(chance, FAST, "--db", ledger, "--venue", f"recorded:{source}")
    asyncio.run(cycles(settings_in(memory_folder, source)))
    undisturbed = memory_folder / "undisturbed"
    undisturbed.mkdir()
    asyncio.run(cycles(settings_in(undisturbed, source)))
    expected = books(undisturbed / "ledger.db")
    problems = [*health(ledger), *differences(expected, books(ledger))]
    assert problems == [], f"seed {seed}"
    assert cycledeck("verify", "--db", ledger).code == 0, f"seed {seed}"
