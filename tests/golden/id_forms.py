"""Golden ledgers of what later programs make ids of: sides, the exchange's ids, corrected rows; and
of fills that are booked under two names of their market.

0.1.0 knew none of it; ids that it gave stay, and no fill is booked again. As `write` does,
`python -m tests.golden.id_forms` writes them anew for a new generation, with THIS program.
"""

import json
from collections.abc import Iterator

from engine import __version__
from tests.builders import Reported, fee, serve
from tests.golden.golden_ledger import FOLDER
from tests.golden.write import LINES, SETTINGS, Line, done, fill, resolve, write

SWAP = "BTC/USDT:USDT"
NO_AMOUNT = {"amount": "n/a"}


def without_ids() -> Iterator[Line]:
    """Rows that look the same but for the side of a hedged position, which only some name."""
    for side in ("LONG", "SHORT", "LONG", None):
        info = {"positionSide": side, "tradeSide": "open"} if side else {}
        yield fill("", "buy", "2", "31000", 1, fee("0.5"), symbol=SWAP, info=info)
    for _ in range(2):
        yield fill("", "sell", "1", "32000", 2, fee("0.1"))
    yield fill("", "buy", "3", "100", 3.5, fee("-9"), symbol="SOL/USDT",
               takerOrMaker="taker")  # fmt: skip


def broken() -> Iterator[Reported]:
    """Rows that cannot be read, one like rows that can, and two that look the same."""
    yield fill("", "sell", "1", "32000", 2, fee("0.1"), note="like others") | NO_AMOUNT
    for _ in range(2):
        yield fill("", "sell", "1", "33000", 2, fee("0.1"), note="twice") | NO_AMOUNT


def with_market_ids() -> Iterator[Line]:
    """The same trade ids in two markets, with the exchange's ids of these; one of them twice."""
    for symbol, market_id in (("BTC/USDT", "BTCUSDT"), (SWAP, "BTCUSDT-PERP")):
        for number, side in enumerate(("buy", "sell", "buy"), start=9):
            yield fill(str(number), side, "2", f"3100{number}", 1, fee("0.5"), symbol=symbol,
                       market_id=market_id, order="o")  # fmt: skip


def renamed_market() -> Iterator[Line]:
    yield fill("20", "sell", "1", "32000", 2, fee("0.1"), market_id="XBTUSDT")


def under_two_names() -> Iterator[Line]:
    """A market that was renamed: some fills came under both names, others under one of them."""
    for symbol, numbers in (("XBT/USDT", (1, 2, 3)), ("BTC/USDT", (2, 3, 4))):
        for number in numbers:
            yield fill(str(number), "buy", "2", f"3100{number}", number, fee("0.5"), symbol=symbol)
    yield fill("3", "sell", "1", "1900", 3, fee("0.5"), symbol="ETH/USDT")


def write_without_ids() -> None:
    """Three cycles; an operator puts rows in place of broken ones."""
    _settings("none")
    first = [without_id(line) for line in without_ids()]
    serve(LINES, first)
    done("once")
    rows = [without_id(line) for line in broken()]
    serve(LINES, [*first, *rows])
    done("once")
    resolve({note: json.dumps(_mended(note, rows)) for note in ("like others", "twice")})
    done("once")
    done("once")


def write_with_market_ids() -> None:
    _settings("market")
    first = list(with_market_ids())
    serve(LINES, first)
    done("once")
    serve(LINES, [*first, *renamed_market()])
    done("once")


def write_twins() -> None:
    _settings("market")
    serve(LINES, list(under_two_names()))
    done("once")


def without_id(line: Line) -> Reported:
    assert not isinstance(line, str)
    return {name: value for name, value in line.items() if name != "id"}


def _mended(note: str, rows: list[Reported]) -> Reported:
    row = next(row for row in rows if row["note"] == note)
    return {name: value for name, value in row.items() if name != "note"} | {"amount": "1"}


def _settings(trade_ids: str) -> None:
    SETTINGS.write_text(
        'db = "ledger.db"\nvenue = "recorded:fills.jsonl"\nlookback = "20s"\nkeep_inputs = "0"\n\n'
        f'[recorded]\ntrade_ids = "{trade_ids}"\n'
    )


def main() -> None:
    generation = FOLDER / __version__
    write("recorded-none-alike", write_without_ids, generation / "recorded-none-alike")
    write("recorded-market-ids", write_with_market_ids, generation / "recorded-market-ids")
    write("recorded-market-twins", write_twins, generation / "recorded-market-twins")


if __name__ == "__main__":
    main()
