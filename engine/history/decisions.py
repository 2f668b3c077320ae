"""Decisions that were made: to be listed, exported, and found again in another ledger."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.cycles.results import Frozen
from engine.errors import DecisionRefused
from engine.ingest.quarantine import Undecided
from engine.ledger import disputes
from engine.ledger.account_decisions import figures_of
from engine.ledger.contents import Content, Root, content_json, read_content
from engine.ledger.decision import Act, Decision
from engine.ledger.disputes import Dispute
from engine.ledger.events import DECISION, Event, source_id
from engine.ledger.openings import Openings
from engine.ledger.positions import Positions
from engine.ledger.quarantine_decisions import quarantined, quarantined_item
from engine.ledger.undo import undone
from engine.store.tx import Tx

SUBJECTS = ("trade_id", "market", "other", "period", "asset", "wallet", "side", "opening")
APPLIED = "applied from an export"
# The parts of a decision that tell no two of them apart.
BESIDE = {"reason", "of", "conflict"}
# Decisions about one thing, which it is asked for by: however it was decided.
OF_CONFLICTS = (Act.KEEP, Act.REPLACE, Act.BOOK_AS)
OF_ITEMS = (Act.DROP_ITEMS, Act.REPLACE_ITEM)


class DecisionLine(Frozen):
    """A decision that was made: `number` is its commit's, `undone_by` the one that took it back."""

    number: int
    cycle_id: int
    committed_ms: int
    by: str
    decision: Decision
    undone_by: int | None = None


def listing(tx: Tx) -> list[DecisionLine]:
    """All decisions, in the order they were made."""
    lines, taken = [], undone(tx)
    for number, cycle_id, committed_ms, text in tx.rows("decisions_listed"):
        record = json.loads(text)
        lines.append(
            DecisionLine(
                number=number,
                cycle_id=cycle_id,
                committed_ms=committed_ms,
                by=record["by"],
                decision=Decision.model_validate(record["decision"]),
                undone_by=taken.get(number),
            )
        )
    return lines


def last_about(tx: Tx, wanted: Decision) -> int:
    """The number of the last decision that stands about what `wanted` is about, without looking at
    how it was decided. Raises `DecisionRefused`."""
    if wanted.act in OF_ITEMS:
        return _about_item(tx, wanted.item)
    names = ("conflict",) if wanted.act in OF_CONFLICTS else SUBJECTS
    acts = OF_CONFLICTS if wanted.act in OF_CONFLICTS else (wanted.act,)
    for line in reversed(listing(tx)):
        same = all(getattr(line.decision, name) == getattr(wanted, name) for name in names)
        if line.undone_by is None and line.decision.act in acts and same:
            return line.number
    raise DecisionRefused("there is no such decision that could be undone; `decisions list`")


def _about_item(tx: Tx, number: int | None) -> int:
    """The decision that an item in quarantine has its status by. Raises `DecisionRefused`."""
    item = quarantined_item(tx, number)
    if item is None or not item.decided_seq:
        raise DecisionRefused(f"item {number}: there is no decision about it that could be undone")
    line = next(line for line in listing(tx) if line.number == item.decided_seq)
    if line.decision.item is None:
        raise DecisionRefused(
            f"item {number}: decision {line.number} dropped it with others; `decisions undo "
            f"{line.number}` takes all of that back"
        )
    return line.number


# --- export and apply


def exported(tx: Tx) -> Iterator[dict[str, Any]]:
    """The decisions that stand, one value each: items in quarantine, then markets, then contents by
    trade, then the rest."""
    for item in quarantined(tx):
        if item.status in ("dropped", "replaced"):
            yield {"item": {"symbol": item.symbol, "raw": item.raw}, "as": item.replacement}
    lines = [line for line in listing(tx) if line.undone_by is None]
    standing = [line.decision for line in lines]
    for act in (Act.REBOOK, Act.ALIAS, Act.DISTINCT):
        yield from (_said(decision) for decision in standing if decision.act is act)
    equal: Counter[str] = Counter()
    for trade_id in tx.column("disputes_decided"):
        yield _contents(tx, trade_id)
    rest = (Act.VOID, Act.OPEN, Act.ADJUST, Act.CLOSE)
    void, own = Openings.read(tx).void, _opened(tx)
    for line in lines:
        is_void = not void.isdisjoint(own.get(line.number, ()))
        # Of a trade that a decision booked, the contents say that it is void.
        is_void |= (line.decision.trade_id or "").startswith(DECISION)
        if line.decision.act in rest and not is_void:
            key = line.decision.model_dump_json(exclude=BESIDE)
            equal[key] += 1
            yield _said(line.decision) | ({"nth": equal[key]} if equal[key] > 1 else {})
    for opening_id in sorted(void - {each for ids in own.values() for each in ids}):
        (opening,) = tx.typed(Event, "stored_event", event_id=opening_id)
        yield _voided(lines, opening)


def _opened(tx: Tx) -> dict[int, list[str]]:
    """The OPENINGs that decisions booked, by the decision's number."""
    records = ((number, json.loads(text)) for number, text in tx.rows("decisions_all"))
    return {
        number: record["account"]
        for number, record in records
        if record["decision"]["act"] == Act.OPEN
    }


def _voided(lines: Iterable[DecisionLine], opening: Event) -> dict[str, Any]:
    """The decision that an OPENING of the exchange's is void, with its figures: another ledger may
    have another one under its number."""
    number = int(opening.id_parts["number"])
    decision = next(
        line.decision
        for line in lines
        if line.decision.act is Act.VOID_OPENING and line.decision.opening == number
    )
    return _said(decision.model_copy(update=figures_of(opening)))


def _said(decision: Decision) -> dict[str, Any]:
    return decision.model_dump(mode="json", exclude_none=True)


def _contents(tx: Tx, trade_id: str) -> dict[str, Any]:
    """The contents of a trade's id that stand, and under which id; and those refused."""
    trade = _Trade.of(tx, trade_id)
    return {
        "trade_id": trade_id,
        "stands": [
            {"as": source_id(content.fill.trade_id), "content": _values(content.events)}
            for content in trade.standing
        ],
        "refused": [
            _values(row.events) for row in trade.rows if row.status == "refused" and row.is_whole
        ]
        + [_values(content.events) for content in trade.void],
    }


def _values(events: Sequence[Event]) -> Any:
    return json.loads(content_json(events))


class _Trade(NamedTuple):
    """A trade's id in a ledger: its own fill, and the contents in dispute."""

    rows: Sequence[Dispute]
    standing: Sequence[Content]
    void: Sequence[Content]
    root: Root

    @classmethod
    def of(cls, tx: Tx, trade_id: str) -> "_Trade":
        rows, positions = disputes.of_trade(tx, trade_id), Positions(tx)
        void = positions.void
        ids = [trade_id, *(row.booked_as for row in rows if row.booked_as)]
        contents = [content for each in ids if (content := _stored(tx, each)) is not None]
        return cls(
            rows,
            [content for content in contents if content.fill.trade_id not in void],
            [content for content in contents if content.fill.trade_id in void],
            positions.markets.root,
        )

    def agree(self, one: Content, other: Content) -> bool:
        """Whether contents are one, as far as both know it, under whatever name of its market."""
        both_ways = one.contradicted_by(other, self.root), other.contradicted_by(one, self.root)
        return not all(both_ways)


def _stored(tx: Tx, trade_id: str) -> Content | None:
    row = tx.one("stored_event", event_id=f"fill:{trade_id}")
    if row is None:
        return None
    fees = tx.typed(Event, "stored_fees", fee_id=f"fee:{trade_id}")
    own = [fee for fee in fees if fee.exchange_trade_id == f"fee:{trade_id}"]
    return Content.of([Event._make(row), *own])


def next_decision(tx: Tx, line: Mapping[str, Any]) -> Decision | None:
    """The next thing to decide so that this ledger has what an exported line says; null where
    nothing is left. Raises `DecisionRefused` where its contents are not all known here."""
    if "act" in line:
        decision, nth = _read_decision(line)
        standing = [made.decision for made in listing(tx) if made.undone_by is None]
        beside = BESIDE
        if decision.act is Act.VOID_OPENING:
            beside = {*Decision.model_fields} - {"act", "opening"}
        made = sum(
            each.model_dump(exclude=beside) == decision.model_dump(exclude=beside)
            for each in standing
        )
        return None if made >= nth else decision
    if "item" in line:
        return _about_text(tx, line["item"]["symbol"], line["item"]["raw"], line["as"])
    return _next_of(_Trade.of(tx, line["trade_id"]), line)


def _read_decision(line: Mapping[str, Any]) -> tuple[Decision, int]:
    """The decision of an exported line, and which of several equal ones it is, from 1."""
    values = {**line}
    nth = int(values.pop("nth", 1))
    return Decision.model_validate(values), nth


def _next_of(trade: _Trade, line: Mapping[str, Any]) -> Decision | None:
    """Contents that stand are booked first, where there is one that they can replace in its place;
    the others are refused then. Before all that stand were reported here, nothing is decided."""
    wanted = [(entry["as"], _content(entry["content"])) for entry in line["stands"]]
    refused = [_content(values) for values in line["refused"]]
    waiting = [row for row in trade.rows if row.status == "open" and row.is_whole]
    contents = [*trade.standing, *(Content.of(row.events) for row in waiting)]
    if not all(any(trade.agree(each, other) for each in contents) for _, other in wanted):
        raise DecisionRefused(
            f"trade {line['trade_id']}: this ledger was never told the content that was kept"
        )
    for row in waiting:
        content = Content.of(row.events)
        name = next((name for name, other in wanted if trade.agree(content, other)), None)
        if name is None:
            continue
        wrong = [own for own in trade.standing if any(trade.agree(own, other) for other in refused)]
        if name == line["trade_id"] and (wrong or trade.void):
            return Decision(act=Act.REPLACE, conflict=row.id, reason=APPLIED)
        # Both stand, and each has the id that it was first met with.
        taken = {source_id(own.fill.trade_id) for own in trade.standing}
        free = next((other for other, _ in wanted if other not in taken), name)
        free = name if name not in taken else free
        return Decision(act=Act.BOOK_AS, conflict=row.id, trade_id=free, reason=APPLIED)
    for row in waiting:
        if any(trade.agree(Content.of(row.events), other) for other in refused):
            return Decision(act=Act.KEEP, conflict=row.id, reason=APPLIED)
    for own in trade.standing:
        is_wanted = any(trade.agree(own, other) for _, other in wanted)
        if not is_wanted and any(trade.agree(own, other) for other in refused):
            return Decision(act=Act.VOID, trade_id=own.fill.trade_id, reason=APPLIED)
    return None


def _about_text(tx: Tx, symbol: str, raw: str, replacement: str | None) -> Decision | None:
    """The decision about an item that this ledger has by the same text, if it waits for one."""
    named = Undecided(symbol, raw, "")
    digests = {"in_market": named.digest_in_market, "of_any": named.digest}
    row = tx.one("history_quarantined", **digests, symbol=symbol)
    if row is None:
        raise DecisionRefused(
            f"{symbol}: this ledger never met the item {raw[:200]}; nothing of this line was "
            "decided, apply again once a cycle has met it"
        )
    number, status = row
    if status == "open":
        act = Act.DROP_ITEMS if replacement is None else Act.REPLACE_ITEM
        return Decision(act=act, item=number, replacement=replacement, reason=APPLIED)
    item = quarantined_item(tx, number)
    if item is not None and status != "booked" and item.replacement != replacement:
        raise DecisionRefused(
            f"item {number} is decided otherwise here: it is {status}; nothing was changed. "
            f"`quarantine resolve {number} --undo`, then apply again"
        )
    return None


def _content(values: Any) -> Content:
    return Content.of(read_content(json.dumps(values)))


def lines_of(texts: Iterable[str]) -> list[dict[str, Any]]:
    """The lines of an export. Raises `DecisionRefused` for what is none."""
    lines = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
            if "act" in line:
                _read_decision(line)
            elif "item" in line:
                _check_texts(line["item"]["symbol"], line["item"]["raw"], line["as"] or "")
            else:
                for entry in [*(e["content"] for e in line["stands"]), *line["refused"]]:
                    _content(entry)
            lines.append(line)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DecisionRefused(f"line {number}: no exported decision: {error}") from None
    return lines


def _check_texts(*values: object) -> None:
    """Raises `TypeError` for what is no text."""
    if not all(isinstance(value, str) for value in values):
        raise TypeError("symbol, raw and as: texts are accepted")
