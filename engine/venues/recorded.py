"""A read-only venue that serves fills from a file, the way an exchange serves its history.

The file is JSON lines, plain or gzipped, one fill a line in ccxt's unified trade structure, and
optionally `visible_at` (UTC milliseconds): the line is not served before that time. Lines are
served as they stand, in the file's order: what comes twice, late or out of order in the file does
so here. A line that cannot be read is served to every market, for it could belong to any; one
whose times are none is served whatever the window, for it could belong to any time. The file may
grow meanwhile: while its last line is cut short nothing is served. It is read again then, so that
a pipe is none.
"""

import asyncio
import json
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from engine.clock import now_ms
from engine.errors import BadResponse, NotSupported, UnreadableFill, VenueError
from engine.ledger.fills import latest_believed
from engine.ledger.reports import Edge, check_symbol, read_fill
from engine.ledger.terms import Terms
from engine.sections import Millis, Money, Section, Unset
from engine.venue import Account, LeftOut, LimitOrder, MarketRules, Mode, Page, TradeIds, VenueOrder
from engine.venues import recorded_file
from engine.venues.registry import VenueSetup

MAX_MIB = 2_048
# A file of which most lines name no market, and more than so many, is none of fills.
MOST_UNREADABLE = 1_000
# The last millisecond of the year 9999: what is beyond is no time.
LAST_MS = 253_402_300_799_999


class RecordedSettings(Section):
    trade_ids: Annotated[TradeIds | None, Unset] = Field(
        None,
        description="Where trade ids are unique: account, market, order (one id for several "
        "orders' fills), or none for rows without ids; unless given, worked out from the file.",
    )
    exchange: Annotated[str | None, Unset] = Field(
        None, description="The exchange that the fills are of; pinned with the ledger."
    )
    uid: Annotated[str | None, Unset] = Field(
        None, description="The exchange's id of the account they are of; pinned with the ledger."
    )
    step: Millis = Field(
        0, description="Exchange time that passes per cycle; 0 follows this machine's clock."
    )
    contract_sizes: dict[str, Annotated[Money, Field(gt=0)]] = Field(
        default_factory=dict,
        description='Units of one contract by market, where lines do not say it; "*" is any other.',
    )
    max_mib: int = Field(
        MAX_MIB,
        ge=1,
        description="The memory, about, that a file's lines may take; a larger one is refused.",
    )


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    symbol: str | None
    trade_id: str | None
    ts_ms: int | None
    visible_ms: int
    key: int

    @classmethod
    def read(cls, text: str, copy: int, own_clock: bool) -> "_Line":
        """The line, the file's `copy`-th with this text; nulls for what cannot be read of it."""
        key = hash((text, copy))
        text = text.rstrip("\r\n")
        try:
            item = json.loads(text, object_pairs_hook=_unambiguous, parse_float=str)
            symbol = check_symbol(item.get("symbol"))
        except (ValueError, AttributeError, RecursionError):
            return cls(text, None, None, None, 0, key)
        trade_id = item.get("id")
        ts_ms = _millis(item.get("timestamp"))
        visible_ms = _millis(item.get("visible_at"))
        if visible_ms is None and own_clock:
            visible_ms = ts_ms
        trade_id = str(trade_id) if trade_id is not None else None
        return cls(text, symbol, trade_id, ts_ms, visible_ms or 0, key)


class RecordedVenue:
    name = "recorded"
    mode = Mode.OBSERVE
    takes_orders = False
    trades_by_default = False
    seed = None

    def __init__(
        self,
        path: Path,
        page_size: int = 100,
        trade_ids: TradeIds | None = None,
        step_ms: int = 0,
        contract_sizes: Mapping[str, Decimal] | None = None,
        max_mib: int = MAX_MIB,
        account: Account | None = None,
    ) -> None:
        self.account = account or Account(environment="recorded")
        self._path = path
        self._page_size = page_size
        self._declared_ids = trade_ids
        self._step_ms = step_ms
        self._contract_sizes = contract_sizes or {}
        self._max_mib = max_mib
        self._clock_ms: int | None = None
        self._lines: list[_Line] = []
        self._by_time: list[_Line] = []
        self._cut_short = False
        self._served: set[int] = set()
        self._left_out: dict[str, list[_Line]] = {}
        self._version: tuple[int, ...] | None = None
        self._refusal: str | None = None
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def from_setup(cls, setup: VenueSetup[RecordedSettings]) -> Self:
        section = setup.section
        return cls(
            Path(setup.argument),
            setup.page_size,
            section.trade_ids,
            section.step,
            section.contract_sizes,
            section.max_mib,
            Account(section.exchange, "recorded", section.uid),
        )

    async def open(self) -> None:
        await self._load()

    async def close(self) -> None:
        self._lines, self._by_time = [], []
        self._served, self._left_out = set(), {}
        self._version = None

    @property
    def trade_ids(self) -> TradeIds:
        """As declared; else per market if an id is in two markets of the file; else per account.

        One trade under two names of its market tells nothing.
        """
        if self._declared_ids is not None:
            return self._declared_ids
        markets: dict[str, dict[str, str]] = defaultdict(dict)
        for line in self._lines:
            if line.trade_id is not None and line.symbol is not None:
                markets[line.trade_id].setdefault(line.symbol, line.text)
        several = (texts.values() for texts in markets.values() if len(texts) > 1)
        return TradeIds.ACCOUNT if all(map(_is_one_trade, several)) else TradeIds.MARKET

    @property
    def trade_ids_declared(self) -> bool:
        return self._declared_ids is not None

    async def fetch_symbols(self) -> tuple[str, ...]:
        await self._load_whole()
        symbols = {line.symbol for line in self._lines if line.symbol is not None}
        if self._lines and not symbols:
            raise VenueError(f"recorded:{self._path}: {_why_no_market(self._lines[0].text)}")
        return tuple(sorted(symbols))

    async def fetch_rules(self) -> dict[str, MarketRules]:
        return {}

    async def fetch_time(self) -> int:
        """This machine's time; with a step, the file's: a step further at each call."""
        await self._load()
        if not self._step_ms:
            return now_ms()
        if self._clock_ms is None:
            times = [line.ts_ms for line in self._lines if line.ts_ms is not None]
            self._clock_ms = min(times, default=0)
        self._clock_ms += self._step_ms
        return self._clock_ms

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        await self._load_whole()
        now = self._now_ms()
        visible = [
            line for line in self._lines if line.visible_ms <= now and line.symbol in (symbol, None)
        ]
        lines = [line for line in visible if line.ts_ms is None or line.ts_ms >= since_ms]
        self._served.update(line.key for line in lines)
        self._left_out[symbol] = self._unserved(visible)
        texts = [line.text for line in lines]
        for start in range(0, max(len(texts), 1), self._page_size):
            end = start + self._page_size
            yield Page(items=tuple(texts[start:end]), last=end >= len(texts))

    def left_out(self, symbol: str) -> list[LeftOut]:
        return [
            LeftOut(line.text, line.trade_id, line.ts_ms or 0, line.key)
            for line in self._left_out.get(symbol, ())
        ]

    def settle(self, items: Iterable[LeftOut]) -> None:
        self._served.update(item.key for item in items)

    def contract_size(self, symbol: str) -> Decimal | None:
        sizes = self._contract_sizes
        return sizes.get(symbol, sizes.get("*")) if ":" in symbol else None

    async def fetch_marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """The price of the last fill served in each market, of those that are believed."""
        now = self._now_ms()
        ids, latest_ms = self._declared_ids or TradeIds.ACCOUNT, latest_believed(now_ms(), now)
        wanted = set(symbols)
        marks: dict[str, Decimal] = {}
        for line in reversed(self._by_time):
            if not wanted:
                break
            if line.symbol in wanted and line.visible_ms <= now:
                terms = Terms(contract_size=self.contract_size(line.symbol))
                with suppress(UnreadableFill):
                    fill = read_fill(line.text, Edge(ids, latest_ms, terms=terms))
                    if fill.doubt is None:
                        marks[fill.symbol] = fill.price
                        wanted.remove(fill.symbol)
        return marks

    async def fetch_open_orders(self, symbol: str) -> tuple[VenueOrder, ...]:
        return ()

    async def submit(self, order: LimitOrder) -> VenueOrder:
        raise NotSupported("the recorded venue takes no orders")

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        raise NotSupported("the recorded venue takes no orders")

    async def fetch_order_by_client_id(
        self, symbol: str, client_order_id: str
    ) -> VenueOrder | None:
        return None

    async def fetch_balances(self) -> dict[str, Decimal]:
        return {}

    def _unserved(self, lines: Sequence[_Line]) -> list[_Line]:
        """Of a market's lines, those that were never served, and all of the same milliseconds.

        A line without a trade id is told from its likes by its number among them.
        """
        times = {line.ts_ms for line in lines if line.key not in self._served}
        return [line for line in lines if line.ts_ms in times] if times else []

    def _now_ms(self) -> int:
        return self._clock_ms if self._clock_ms is not None else now_ms()

    async def _load_whole(self) -> None:
        """`_load`; raises `BadResponse` where the file may be in the middle of being written."""
        await self._load()
        if self._cut_short:
            raise BadResponse(
                f"recorded:{self._path}: the last line is cut short, and has no line break: "
                "nothing is read until it has one"
            )

    async def _load(self) -> None:
        """Read the file on a thread; again when it has changed since. Given up, that ends soon."""
        async with self._one_at_a_time:
            version = self._version_of_file()
            if version != self._version:
                self._refusal = None
                stopped = threading.Event()
                try:
                    await asyncio.to_thread(self._read, stopped)
                except VenueError as error:
                    self._refusal = str(error)
                finally:
                    stopped.set()
                self._version = version
            if self._refusal is not None:
                raise VenueError(self._refusal)

    def _version_of_file(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise VenueError(f"recorded:{self._path}: {error}") from error
        return status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size

    def _read(self, stopped: threading.Event) -> None:
        copies: Counter[str] = Counter()
        lines: list[_Line] = []
        last = ""
        for text in recorded_file.texts(self._path, self._max_mib, stopped):
            if not lines and text.lstrip().startswith("["):
                raise VenueError(
                    f"recorded:{self._path}: line 1 begins a JSON array; one object a line is "
                    "needed (`jq -c '.[]'` makes that of it)"
                )
            copies[text] += 1
            lines.append(_Line.read(text, copies[text], self._step_ms > 0))
            last = text
        self._check_readable(lines)
        timed = (line for line in lines if line.ts_ms is not None)
        by_time = sorted(timed, key=lambda line: line.ts_ms or 0)
        self._cut_short = bool(last) and _is_cut_short(last)
        self._lines, self._by_time = lines, by_time

    def _check_readable(self, lines: Sequence[_Line]) -> None:
        """Raises `VenueError` for another kind of file, of which each line would be quarantined."""
        unreadable = sum(line.symbol is None for line in lines)
        if unreadable > MOST_UNREADABLE and 2 * unreadable > len(lines):
            first = next(line.text for line in lines if line.symbol is None)
            raise VenueError(
                f"recorded:{self._path}: {unreadable:,} of {len(lines):,} lines name no market "
                f"({_why_unreadable(first)}): this is no file of fills; nothing of it was read"
            )


def _why_no_market(first: str) -> str:
    """Why no line of a file names a market, as its first line shows."""
    return (
        f"no line names a market (line 1: {_why_unreadable(first)}); one JSON object a line with a "
        "symbol is needed, or name the markets with --symbols"
    )


def _why_unreadable(line: str) -> str:
    try:
        check_symbol(json.loads(line, parse_float=str)["symbol"])
    except (ValueError, RecursionError) as error:
        return str(error)
    except (KeyError, TypeError, IndexError):
        return "it has no symbol"
    return "it can be read"


def _is_cut_short(last: str) -> bool:
    """Whether the file's last line lacks both its end and a meaning."""
    if last.endswith("\n"):
        return False
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return True
    return False


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose repeated keys are null: nothing tells which of their values is meant."""
    item = dict(pairs)
    if len(item) == len(pairs):
        return item
    times = Counter(name for name, _ in pairs)
    return {name: value if times[name] == 1 else None for name, value in pairs}


def _millis(value: Any) -> int | None:
    """A time in UTC milliseconds; null where the value is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    is_time = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LAST_MS
    return value if is_time else None


def _is_one_trade(texts: Iterable[str]) -> bool:
    """Whether lines of several markets are one trade under several names."""
    items = [json.loads(text, parse_float=str) for text in texts]
    names = ("timestamp", "side", "amount", "price")
    return len({tuple(str(item.get(name)) for name in names) for item in items}) == 1
