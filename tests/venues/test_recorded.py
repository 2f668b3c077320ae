"""The recorded venue: a file served the way an exchange serves its history."""

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engine import TradeIds
from engine.clock import now_ms
from engine.errors import BadResponse, VenueError
from engine.venues.recorded import RecordedSettings, RecordedVenue
from tests.builders import BTC, ETH, T0, reported, serve

SWAP = "BTC/USDT:USDT"


async def ids(venue: RecordedVenue, symbol: str = BTC, since_ms: int = 0) -> list[Any]:
    return [
        json.loads(item)["id"]
        async for page in venue.fetch_fills(symbol, since_ms)
        for item in page.items
    ]


async def served(venue: RecordedVenue, symbol: str, since_ms: int = 0) -> list[str]:
    return [item async for page in venue.fetch_fills(symbol, since_ms) for item in page.items]


async def on(path: Path, **more: Any) -> RecordedVenue:
    venue = RecordedVenue(path, **more)
    await venue.open()
    return venue


async def test_lines_are_served_as_they_stand_in_the_files_order(tmp_path: Path) -> None:
    lines = [json.dumps(reported(n, ts=ts), indent=None) for n, ts in ((2, 9), (1, 3), (2, 9))]
    lines[0] = lines[0].replace(":", " : ")
    venue = await on(serve(tmp_path / "f.jsonl", lines))
    (page,) = [page async for page in venue.fetch_fills(BTC, 0)]
    assert page.items == tuple(lines)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6])
async def test_whatever_the_number_of_fills_the_last_page_and_only_it_says_so(
    tmp_path: Path, count: int
) -> None:
    items = [reported(str(n)) for n in range(count)]
    venue = await on(serve(tmp_path / "f.jsonl", items), page_size=2)
    pages = [page async for page in venue.fetch_fills(BTC, 0)]
    assert sum(len(page.items) for page in pages) == count
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len(pages) == max(1, -(-count // 2))


async def test_a_gzipped_file_is_served_too_and_blank_lines_are_none(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl.gz"
    path.write_bytes(gzip.compress(f"\n{json.dumps(reported('1'))}\r\n\n".encode()))
    assert await ids(await on(path)) == ["1"]


async def test_a_line_is_not_served_before_it_is_visible(tmp_path: Path) -> None:
    later = now_ms() + 3_600_000
    items = [reported("1"), reported("2", visible_at=later), reported("3", visible_at=T0 + 5)]
    assert await ids(await on(serve(tmp_path / "f.jsonl", items))) == ["1", "3"]


async def test_with_a_step_the_files_own_time_passes_with_each_cycle(tmp_path: Path) -> None:
    items = [reported(str(n), ts=n * 1_000, price=str(n)) for n in range(1, 6)]
    items.append(reported("late", ts=1_500, visible_at=T0 + 4_000))
    venue = await on(serve(tmp_path / "f.jsonl", items), step_ms=1_000)
    seen = []
    for _ in range(4):
        now = await venue.fetch_time()
        seen.append((now, await ids(venue), (await venue.fetch_marks([BTC]))[BTC]))
    assert seen == [
        (T0 + 2_000, ["1", "2"], Decimal(2)),
        (T0 + 3_000, ["1", "2", "3"], Decimal(3)),
        (T0 + 4_000, ["1", "2", "3", "4", "late"], Decimal(4)),
        (T0 + 5_000, ["1", "2", "3", "4", "5", "late"], Decimal(5)),
    ]


async def test_without_a_step_the_clock_is_this_machines(tmp_path: Path) -> None:
    venue = await on(serve(tmp_path / "f.jsonl", [reported("1")]))
    assert abs(await venue.fetch_time() - now_ms()) < 5_000


async def test_markets_are_those_of_the_file(tmp_path: Path) -> None:
    items: list[Any] = [reported("1", symbol=ETH), reported("2"), "{broken"]
    venue = await on(serve(tmp_path / "f.jsonl", items))
    assert await venue.fetch_symbols() == (BTC, ETH)


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([reported("1"), reported("2", symbol=ETH)], TradeIds.ACCOUNT),
        ([reported("1"), reported("1")], TradeIds.ACCOUNT),
        ([reported("1"), reported("1", price="9", symbol=ETH)], TradeIds.MARKET),
        ([reported(1), reported("1", price="9", symbol=ETH)], TradeIds.MARKET),
        # One trade under two names of its market.
        ([reported("1"), reported("1", symbol=ETH)], TradeIds.ACCOUNT),
    ],
)
async def test_how_trades_are_numbered_is_found_out_from_the_file(
    tmp_path: Path, items: list[Any], found: TradeIds
) -> None:
    path = serve(tmp_path / "f.jsonl", items)
    assert (await on(path)).trade_ids is found
    assert (await on(path, trade_ids=TradeIds.NONE)).trade_ids is TradeIds.NONE


@pytest.mark.parametrize(
    "line",
    ["{broken", "[]", "7", '{"id": "x"}', '{"symbol": "nonsense"}', "[" * 5_000, '{"symbol": NaN}'],
)
async def test_a_line_that_cannot_be_read_is_served_to_every_market(
    tmp_path: Path, line: str
) -> None:
    venue = await on(serve(tmp_path / "f.jsonl", [reported("1"), line]))
    for symbol in (BTC, ETH):
        assert await served(venue, symbol, since_ms=10**15) == [line]


@pytest.mark.parametrize(
    "change", [{"timestamp": -1}, {"timestamp": 10**40}, {"timestamp": "1.5"}, {"timestamp": True}]
)
async def test_a_line_whose_time_is_none_is_served_whatever_the_window(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1"), reported("2") | change])
    for step in (0, 1_000):
        venue = await on(path, step_ms=step)
        await venue.fetch_time()
        assert await ids(venue, since_ms=T0 + 5_000) == ["2"]


@pytest.mark.parametrize("visible_at", [-5, 10**40, "soon", True, 1.5])
async def test_a_line_is_not_hidden_by_what_is_no_time(tmp_path: Path, visible_at: Any) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1", visible_at=visible_at)])
    assert await ids(await on(path)) == ["1"]


async def test_with_a_step_a_line_may_be_visible_from_the_beginning(tmp_path: Path) -> None:
    items = [reported("1"), reported("2", ts=9_000, visible_at=0)]
    venue = await on(serve(tmp_path / "f.jsonl", items), step_ms=1)
    await venue.fetch_time()
    assert await ids(venue) == ["1", "2"]


async def test_a_line_that_says_its_market_or_time_twice_could_belong_to_any(
    tmp_path: Path,
) -> None:
    twice = json.dumps(reported("2", ts=9_000))[:-1]
    path = serve(tmp_path / "f.jsonl", [f'{twice}, "symbol": "{ETH}"}}'])
    venue = await on(path)
    assert len(await served(venue, BTC)) == len(await served(venue, ETH)) == 1
    venue = await on(serve(path, [f'{twice}, "timestamp": 1}}']))
    assert len(await served(venue, BTC, since_ms=T0 + 5_000)) == 1


async def test_bytes_that_are_no_text_are_served_as_escapes(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"id": "\xff"}\n')
    venue = await on(path)
    (page,) = [page async for page in venue.fetch_fills(BTC, 0)]
    assert page.items == ('{"id": "\\xff"}',)


async def test_the_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    venue = await on(path)
    before = path.stat()
    serve(path, [reported("2")])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert await ids(venue) == ["2"]


async def test_a_window_is_one_state_of_the_file_however_it_changes_meanwhile(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "f.jsonl", [reported(str(n)) for n in range(4)])
    venue = await on(path, page_size=2)
    found = []
    async for page in venue.fetch_fills(BTC, 0):
        found += [json.loads(item)["id"] for item in page.items]
        serve(path, [])
        await venue.fetch_symbols()
    assert found == ["0", "1", "2", "3"]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("cut", [1, 30, 60])
async def test_nothing_is_served_while_the_last_line_is_being_written(
    tmp_path: Path, cut: int, packed: bool
) -> None:
    first, second = (json.dumps(reported(n)).encode() for n in ("1", "2"))
    path = tmp_path / ("f.jsonl.gz" if packed else "f.jsonl")
    pack = gzip.compress if packed else bytes
    path.write_bytes(pack(first + b"\n" + second[:-cut]))
    venue = await on(path)
    with pytest.raises(BadResponse, match="last line is cut short"):
        await ids(venue)
    with pytest.raises(BadResponse, match="last line is cut short"):
        await venue.fetch_symbols()
    path.write_bytes(pack(first + b"\n" + second))
    assert await ids(venue) == ["1", "2"]
    path.write_bytes(pack(first + b"\n" + second[:-cut] + b"\n"))
    assert len(await served(venue, BTC)) == 2


async def test_a_mark_of_the_files_encoding_is_no_part_of_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(reported("1")).encode() + b"\n")
    assert await ids(await on(path)) == ["1"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
async def test_another_encoding_without_its_mark_is_refused_by_name(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes((json.dumps(reported("1")) + "\n").encode(encoding))
    with pytest.raises(VenueError, match=r"no byte order mark.*UTF-8 is needed"):
        await on(path)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"contractSize": None},
        {"contractSize": None, "info": {"contractSize": None}},
        {"info": {"contractSize": None}},
        {"info": {"note": '"contractSize": null'}},
    ],
)
async def test_the_settings_say_the_size_of_a_contract_where_its_line_does_not(
    tmp_path: Path, line: dict[str, Any]
) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1", symbol=SWAP) | line])
    venue = await on(path, contract_sizes={"*": Decimal("0.01")})
    [text] = await served(venue, SWAP)
    assert text == path.read_text().rstrip("\n")
    assert (venue.contract_size(SWAP), venue.contract_size(BTC)) == (Decimal("0.01"), None)
    assert await venue.fetch_marks([SWAP]) == {SWAP: Decimal(json.loads(text)["price"])}


@pytest.mark.parametrize("size", ["0", "-1"])
def test_a_contract_has_a_size_above_zero(size: str) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        RecordedSettings(contract_sizes={"*": size})


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"\x1f\x8b\x08truncated",
        gzip.compress(b"x" * 500)[:-9],
        b"no gzip",
        bytes([*gzip.compress(bytes(range(256)))[:40], *b"\xff" * 400]),
    ],
    ids=["missing", "cut header", "cut", "no gzip", "damaged"],
)
async def test_a_file_that_cannot_be_read_is_a_venue_error_that_names_it(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "f.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VenueError, match=r"f\.jsonl\.gz"):
        await on(path)


async def test_a_mark_is_the_last_price_by_time_not_by_line(tmp_path: Path) -> None:
    items = [
        reported("1", ts=5, price="7"),
        reported("2", ts=9, price="8"),
        reported("3", ts=1, price="9"),
        reported("4", ts=99, price="free"),
    ]
    venue = await on(serve(tmp_path / "f.jsonl", items))
    assert await venue.fetch_marks([ETH, BTC]) == {BTC: Decimal(8)}


@pytest.mark.parametrize(
    "refused",
    [
        {"timestamp": 100_000_000_000_000},
        {"timestamp": T0 + 50, "price": "-3"},
        {"timestamp": T0 + 50, "amount": "0"},
        {"timestamp": T0 + 50, "id": None},
    ],
)
async def test_a_line_that_no_ledger_takes_is_no_mark(
    tmp_path: Path, refused: dict[str, Any]
) -> None:
    items = [reported("1", ts=9, price="8"), reported("2", price="999") | refused]
    venue = await on(serve(tmp_path / "f.jsonl", items))
    assert await venue.fetch_marks([BTC]) == {BTC: Decimal(8)}
