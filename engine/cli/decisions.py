"""The commands that decide: about conflicts, trades and markets. Each is one commit."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import deciding, options, output, show, show_decisions
from engine.cli.operations import Operations
from engine.clock import now_ms, parse_time
from engine.cycles import results
from engine.errors import DecisionRefused, SettingsError
from engine.history import decisions
from engine.history.decisions import lines_of
from engine.history.results_reader import BEYOND
from engine.ledger.decision import Act, Decision
from engine.ledger.disputes import Dispute
from engine.ledger.reporting import opening_lines

conflicts_app = typer.Typer(
    help="Reports that contradict the ledger, or each other.", no_args_is_help=True
)
markets_app = typer.Typer(help="Markets, and what their names mean.", no_args_is_help=True)
openings_app = typer.Typer(help="What the account began with.", no_args_is_help=True)
decisions_app = typer.Typer(help="What was decided.", no_args_is_help=True)

Preview = Annotated[
    bool, typer.Option("--preview", help="Show what it would change; change nothing.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take such a decision back.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words; kept for ever.")]


def _decision(make: Callable[..., Decision], *, undo: bool = True) -> Callable[..., None]:
    """The command of a decision: what `make` makes it of, and the options that all of them have."""

    def options_of_all(
        reason: Reason = "",
        preview: Preview = False,
        undo: Undo = False,
        config: options.Config = None,
        db: options.Db = None,
        as_json: options.Json = False,
    ) -> None: ...

    own, shared = signature(make).parameters, dict(signature(options_of_all).parameters)
    if not undo:
        del shared["undo"]

    def command(**given: Any) -> None:
        decision = make(**{name: given[name] for name in own})
        decision = decision.model_copy(update={"reason": given["reason"]})
        settings = options.settings_of(given["config"], db=given["db"])
        preview = given["preview"]
        work = deciding.decide(settings, decision, undo=given.get("undo", False), preview=preview)
        changed = Operations(settings).run(work)
        with output.outcome("nothing was changed" if preview else "decided"):
            if given["as_json"]:
                show.print_json(changed)
            else:
                show_decisions.changes(changed, preview)

    every = {**own, **shared}
    command.__doc__ = make.__doc__
    command.__name__ = make.__name__
    command.__annotations__ = {name: each.annotation for name, each in every.items()}
    command.__signature__ = Signature([*every.values()])  # type: ignore[attr-defined]
    return command


@conflicts_app.command("list")
def conflicts_list(
    every: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Show contents that wait for a decision."""
    operations = Operations(options.settings_of(config, db=db))
    rows = operations.run(operations.read(lambda tx: tx.typed(Dispute, "disputes_all")))
    chosen = [row for row in rows if every or row.status == "open"]
    if as_json:
        shown = [show_decisions.as_json(row) for row in chosen]
        sys.stdout.write(output.document(json.dumps(shown)) + "\n")
    else:
        show_decisions.conflicts(chosen)


def _resolve(
    conflict: Annotated[int, typer.Argument(help="The conflict's number.", min=1, max=BEYOND)],
    keep: Annotated[
        bool, typer.Option("--keep", help="What stands is right; without that, drop it.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="This content is right, in place of what stands.")
    ] = False,
    book_as: Annotated[
        str | None,
        typer.Option("--book-as", metavar="ID", help="It is a fill of its own: book it as ID."),
    ] = None,
    undo: Undo = False,
) -> Decision:
    """Decide about a content that contradicts the ledger."""
    if [keep, replace, book_as is not None, undo].count(True) != 1:
        raise SettingsError("give one of --keep, --replace, --book-as ID and --undo")
    act = Act.REPLACE if replace else Act.KEEP if book_as is None else Act.BOOK_AS
    return Decision(act=act, conflict=conflict, trade_id=book_as)


conflicts_app.command("resolve")(_decision(_resolve))


def _void(
    trade: Annotated[str, typer.Argument(help="The trade's id: exchange_trade_id of its FILL.")],
) -> Decision:
    """Take a trade out of the books, as one that the exchange took back."""
    return Decision(act=Act.VOID, trade_id=trade)


def _rebook(
    market: Annotated[str, typer.Argument(help="The market's symbol.")],
    kind: Annotated[str | None, typer.Option("--kind", help="linear or inverse.")] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="Of one contract, where evidence does not say it.")
    ] = None,
) -> Decision:
    """Book a contract anew by today's rules that an earlier program booked as spot."""
    return Decision(act=Act.REBOOK, market=market, kind=kind, size=size)


def _close(
    period: Annotated[str, typer.Argument(help="As 2026-11, 2026, or a time until when.")],
) -> Decision:
    """Close a period: what is booked in it later is shown as a correction of a prior one."""
    return Decision(act=Act.CLOSE, period=period)


def _time(value: str | None) -> int | None:
    try:
        return None if value is None else parse_time(value)
    except ValueError as error:
        raise SettingsError(f"--at {value}: {error}") from None


Asset = Annotated[str | None, typer.Option("--asset", help="The asset of a balance.")]
Amount = Annotated[
    str | None, typer.Option("--amount", help="Of the asset, signed; of a position, see --qty.")
]
OfMarket = Annotated[str | None, typer.Option("--market", help="The market of a position.")]
Qty = Annotated[str | None, typer.Option("--qty", help="Of the position, signed.")]
Cost = Annotated[str | None, typer.Option("--cost", help="What that cost, signed alike.")]
Side = Annotated[str | None, typer.Option("--side", help="long or short, of a hedged market.")]
Wallet = Annotated[str | None, typer.Option("--wallet", help="Where there are several.")]
At = Annotated[str | None, typer.Option("--at", help="From when on, as 2026-01-31.")]


def _booking(act: Act, purpose: str) -> Callable[..., Decision]:
    def make(
        asset: Asset = None,
        amount: Amount = None,
        market: OfMarket = None,
        qty: Qty = None,
        cost: Cost = None,
        side: Side = None,
        wallet: Wallet = None,
        at: At = None,
    ) -> Decision:
        at_ms = now_ms() if at is None and act is Act.ADJUST else _time(at)
        return Decision(
            act=act, asset=asset, amount=amount, market=market, qty=qty, cost=cost, side=side,
            wallet=wallet, at_ms=at_ms,
        )  # fmt: skip

    make.__doc__ = purpose
    return make


void, rebook, close = _decision(_void), _decision(_rebook), _decision(_close)
open_account = _decision(
    _booking(Act.OPEN, "Book what the account began with: a balance, or a position.")
)
adjust = _decision(
    _booking(Act.ADJUST, "Book a difference that nothing else explains; it is on every report.")
)

OpeningNumber = Annotated[int, typer.Argument(help="The N of opening:N.", min=1, max=BEYOND)]


@openings_app.command("list")
def openings_list(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Show what the account began with, and what was decided about it."""
    operations = Operations(options.settings_of(config, db=db))
    lines = operations.run(operations.read(opening_lines))
    if as_json:
        rows = [asdict(line) for line in lines]
        sys.stdout.write(output.document(json.dumps(rows)) + "\n")
    else:
        show_decisions.openings(lines)


def _keep_opening(opening: OpeningNumber) -> Decision:
    """Keep an opening: fills of before it that came later were not in it."""
    return Decision(act=Act.KEEP_OPENING, opening=opening)


def _void_opening(opening: OpeningNumber) -> Decision:
    """Take an opening out of the books: what was before it is booked by now."""
    return Decision(act=Act.VOID_OPENING, opening=opening)


openings_app.command("keep")(_decision(_keep_opening))
openings_app.command("void")(_decision(_void_opening))


@markets_app.command("list")
def markets_list(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Show the ledger's markets, as they are pinned."""
    operations = Operations(options.settings_of(config, db=db))
    rows = operations.run(operations.read(lambda tx: tx.named("markets_all")))
    if as_json:
        sys.stdout.write(output.document(json.dumps(rows)) + "\n")
    else:
        show_decisions.markets(rows)


New = Annotated[str, typer.Argument(metavar="NEW", help="The other name.")]
Old = Annotated[list[str], typer.Argument(metavar="OLD", help="The market it is, or is not.")]


def _old(words: list[str]) -> str:
    """`OLD`, or `= OLD`."""
    names = [word for word in words if word != "="]
    if len(names) != 1:
        raise SettingsError("give two names: NEW OLD")
    return names[0]


def _alias(new: New, old: Old) -> Decision:
    """NEW is another name of OLD: one market, one position."""
    return Decision(act=Act.ALIAS, market=new, other=_old(old))


def _distinct(new: New, old: Old) -> Decision:
    """NEW and OLD are two markets, though trades of both look alike."""
    return Decision(act=Act.DISTINCT, market=new, other=_old(old))


markets_app.command("alias")(_decision(_alias))
markets_app.command("distinct")(_decision(_distinct))


@decisions_app.command("list")
def decisions_list(
    config: options.Config = None, db: options.Db = None, as_json: options.Json = False
) -> None:
    """Show what was decided, by whom, and what was taken back."""
    operations = Operations(options.settings_of(config, db=db))
    lines = operations.run(operations.read(decisions.listing))
    if as_json:
        rows = [line.model_dump(mode="json") for line in lines]
        sys.stdout.write(output.document(json.dumps(rows)) + "\n")
    else:
        show_decisions.decisions(lines)


def _undo(
    number: Annotated[int, typer.Argument(help="The decision's number.", min=1, max=BEYOND)],
) -> Decision:
    """Take a decision back."""
    return Decision(act=Act.UNDO, of=number)


decisions_app.command("undo")(_decision(_undo, undo=False))


@decisions_app.command("export")
def decisions_export(config: options.Config = None, db: options.Db = None) -> None:
    """Write what is decided to standard output, for `decisions apply` on another ledger."""
    operations = Operations(options.settings_of(config, db=db))
    lines = operations.run(operations.read(lambda tx: list(decisions.exported(tx))))
    for line in lines:
        sys.stdout.write(output.document(json.dumps(line)) + "\n")


@decisions_app.command("apply")
def decisions_apply(
    file: Annotated[Path, typer.Argument(help="What `decisions export` wrote.")],
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Decide on this ledger what was decided on another one."""
    try:
        lines = lines_of(file.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None
    settings = options.settings_of(config, db=db)
    operations = Operations(settings)
    made: list[results.Preview] = []
    refused: list[str] = []
    for line in lines:
        try:
            operations.run(deciding.apply(settings, line, made))
        except DecisionRefused as error:
            refused.append(str(error))
    with output.outcome(f"{len(made)} decisions made"):
        if as_json:
            decided = [results.as_json(each) for each in made]
            values = {"lines": len(lines), "decided": decided, "refused": refused}
            sys.stdout.write(output.document(json.dumps(values)) + "\n")
        else:
            show.out.print(show.text(f"{len(lines)} lines, {len(made)} decisions made"))
    for message in refused:
        show.error(message)
    raise typer.Exit(1 if refused else 0)
