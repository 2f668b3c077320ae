"""How conflicts, items in quarantine, markets and decisions are printed."""

from collections.abc import Sequence
from shlex import quote
from typing import Any

from engine.cli.show import counted, out, text
from engine.clock import iso
from engine.cycles.results import PositionView, Preview
from engine.history.decisions import DecisionLine
from engine.ledger.disputes import Dispute
from engine.ledger.events import Event
from engine.ledger.quarantine_decisions import QuarantinedItem
from engine.ledger.reporting import OpeningLine


def conflicts(rows: Sequence[Dispute]) -> None:
    if not rows:
        out.print("no conflict waits for a decision")
    for row in rows:
        head = f"{row.id}  {row.kind}  {row.status}  {row.symbol}  trade {row.source_id}"
        out.print(text(f"{head}  cycle {row.cycle_id}", "bold"))
        other = "other" if row.kind == "clash" else "stands"
        for name, (stands, reported) in row.fields.items():
            out.print(
                text(f"    {name:<18} {other} {_known(stands)}   reported {_known(reported)}")
            )
        out.print(text(f"    reported  {_content(row.events)}", "dim"))
        if row.booked_as:
            out.print(text(f"    booked as {row.booked_as}"))
        elif row.status == "open":
            out.print(text(f"    {_remedy(row)}", "yellow"))


def _known(value: object) -> str:
    return "nothing" if value is None else str(value)


def _content(events: Sequence[Event]) -> str:
    fill, fees = events[0], events[1:]
    trade = f"{fill.side} {fill.qty} at {fill.price}" if fill.qty else ""
    order = f"order {fill.exchange_order_id}" if fill.exchange_order_id else ""
    charged = " + ".join(f"{fee.fee} {fee.fee_currency}" for fee in fees)
    parts = [fill.symbol, iso(fill.ts), trade, f"fee {charged}" if charged else "", order]
    return " · ".join(part for part in parts if part)


def _remedy(row: Dispute) -> str:
    if row.kind == "relabelled":
        old, new = row.fields["symbol"]
        names = f"{quote(str(new))} {quote(str(old))}"
        return f"cycledeck markets alias {names}, or markets distinct {names}"
    if row.kind != "clash":
        return f"cycledeck conflicts resolve {row.id} --keep, --replace or --book-as ID"
    how = (
        f"cycledeck conflicts resolve {row.id} --book-as ID books it (under its own id, where "
        "nothing of that is booked), --keep drops it, --replace puts it in the place of what stands"
    )
    scopes = {"symbol": "market", "exchange_order_id": "order"}
    scope = next((scopes[name] for name in scopes if name in row.fields), None)
    if scope is None:
        return how
    return (
        f"{how}. Where ids are unique per {scope} only, a new ledger with recorded.trade_ids = "
        f"'{scope}' books all"
    )


def as_json(row: Dispute) -> dict[str, Any]:
    values = row._asdict()
    del values["fields_json"], values["reported_json"]
    reported = [event.fields for event in row.events]
    return {**values, "fields": dict(row.fields), "reported": reported, "remedy": _remedy(row)}


def changes(preview: Preview, only_shown: bool) -> None:
    """The positions and balances that a decision changes, before and after."""
    before, after = preview.positions_before, preview.positions_after
    changed = [
        name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)
    ]
    for name in changed:
        out.print(text(name, "bold"))
        out.print(text(f"    before {_figures(before.get(name))}"))
        out.print(text(f"    after  {_figures(after.get(name))}"))
    moved = [
        (name, preview.balances_before.get(name, "0"), preview.balances_after.get(name, "0"))
        for name in sorted(preview.balances_before.keys() | preview.balances_after.keys())
    ]
    for name, was, now in moved:
        if was != now:
            out.print(text(f"balance {name}  {was} → {now}"))
            changed.append(name)
    if not changed:
        out.print(text("no figure changes" if only_shown else "no figure has changed"))
    for remark in preview.remarks:
        out.print(text(remark, "yellow"))
    _done(preview, only_shown)


def _done(preview: Preview, only_shown: bool) -> None:
    number = f"decision {preview.commit_seq}, made in cycle {preview.cycle_id}"
    done = "nothing was changed" if only_shown else number
    out.print(text(done, "yellow" if only_shown else "green"))


def _figures(position: PositionView | None) -> str:
    if position is None:
        return "no position"
    fees = " ".join(f"{fee} {currency}" for currency, fee in position.fees.items())
    figures = f"qty {position.qty} · cost {position.cost} · realized {position.realized_pnl}"
    return f"{figures} {position.money}" + (f" · fees {fees}" if fees else "")


def markets(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        out.print("no market has a fill yet")
    for row in rows:
        more = f" · size {row['contract_size']}" if row["contract_size"] else ""
        more += f" · another name of {row['alias_of']}" if row["alias_of"] else ""
        more += " · booked by the rules of 0.1.0" if row["rules"] == 1 else ""
        out.print(text(f"{row['symbol']}  {row['kind']}, money {row['money']}{more}"))


def quarantine(items: Sequence[QuarantinedItem]) -> None:
    if not items:
        out.print("nothing in quarantine")
    for item in items:
        out.print(text(f"{item.id}  {item.status}  {item.symbol}  cycle {item.cycle_id}", "bold"))
        out.print(text(f"    reason {item.reason}"))
        out.print(text(f"    raw    {item.raw[:500]}"))
        if item.replacement:
            out.print(text(f"    as     {item.replacement[:500]}"))
        if item.note:
            out.print(text(f"    now    {item.note}"))
        if item.decided_seq:
            out.print(text(f"    by     decision {item.decided_seq}"))


def resolved(
    items: Sequence[QuarantinedItem], preview: Preview, status: str, only_shown: bool
) -> None:
    """What was decided about items, which have that status now; of a preview also the items."""
    if only_shown:
        quarantine(items)
    of_one = f"item {items[0].id}" if len(items) == 1 else counted(preview.items)
    verb = "would be" if only_shown else "is" if len(items) == 1 else "are"
    out.print(text(f"{of_one} {verb} {status}"))
    _done(preview, only_shown)


def openings(lines: Sequence[OpeningLine]) -> None:
    if not lines:
        out.print("no opening is booked")
    for line in lines:
        decided = f"  {line.decided}" if line.decided else ""
        out.print(text(f"{line.event_id}  {iso(line.ts_ms)}  {line.words}{decided}"))


def decisions(lines: Sequence[DecisionLine]) -> None:
    if not lines:
        out.print("nothing was decided yet")
    for line in lines:
        decision = line.decision
        undone = f"  taken back by {line.undone_by}" if line.undone_by else ""
        head = f"{line.number}  {iso(line.committed_ms)}  {line.by}  {decision.words}"
        out.print(text(f"{head}{undone}"))
        if decision.reason:
            out.print(text(f"    {decision.reason}", "dim"))
