"""The commands about items in quarantine: which there are, and what the operator makes of them."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import deciding, options, output, show, show_decisions
from engine.cli.operations import Operations
from engine.errors import DecisionRefused, SettingsError
from engine.history.results_reader import BEYOND
from engine.ledger.decision import Act, Decision
from engine.ledger.quarantine_decisions import QuarantinedItem, Selection, quarantined

quarantine_app = typer.Typer(
    help="Items that could not be booked as they are.", no_args_is_help=True
)


@quarantine_app.command("list")
def quarantine_list(
    symbol: options.ItemSymbol = None,
    reason: options.ItemReason = None,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Show items, open or resolved."""
    operations = Operations(options.settings_of(config, db=db))
    items = Selection(symbol, reason).of(operations.run(operations.read(quarantined)))
    if as_json:
        rows = [{name: getattr(item, name) for name in item.__slots__} for item in items]
        sys.stdout.write(output.document(json.dumps(rows)) + "\n")
    else:
        show_decisions.quarantine(items)


@quarantine_app.command("resolve")
def quarantine_resolve(
    item: Annotated[
        int | None,
        typer.Argument(help="The item's number.", min=1, max=BEYOND, show_default=False),
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="It is no fill: pass over it.")] = False,
    replacement: Annotated[
        Path | None, typer.Option("--as", help="A file with the fill it stands for, as JSON.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All open items, with --drop.")] = False,
    symbol: options.ItemSymbol = None,
    reason: options.ItemReason = None,
    why: Annotated[str, typer.Option("--why", help="Why, in words; kept for ever.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take such a decision back.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what it would do; change nothing.")
    ] = False,
    config: options.Config = None,
    db: options.Db = None,
    as_json: options.Json = False,
) -> None:
    """Decide about an item, or about many at once; the next cycle acts on it."""
    selection = Selection(symbol, reason)
    if [drop, replacement is not None, undo].count(True) != 1:
        raise SettingsError("give one of --drop, --as FILE and --undo")
    if every == (item is not None):
        raise SettingsError("give either an item's number or --all")
    if every and not drop:
        raise SettingsError(
            "--all goes with --drop; --as FILE and --undo are for one item (`decisions undo` takes "
            "back what was decided about many)"
        )
    if item is not None and selection != Selection():
        raise SettingsError("--symbol and --reason go with --all")
    settings = options.settings_of(config, db=db)
    operations = Operations(settings)
    every_item: list[QuarantinedItem] = operations.run(operations.read(quarantined))
    if item is None:
        decision, chosen = _all(selection, every_item, ask=not preview)
    else:
        decision = Decision(act=Act.DROP_ITEMS, item=item)
        if replacement is not None:
            text = _text(replacement)
            decision = Decision(act=Act.REPLACE_ITEM, item=item, replacement=text)
        chosen = [each for each in every_item if each.id == item]
    decision = decision.model_copy(update={"reason": why})
    work = deciding.decide(settings, decision, undo=undo, preview=preview)
    changed = operations.run(work)
    status = "open" if undo else "dropped" if replacement is None else "replaced"
    with output.outcome("nothing was changed" if preview else "decided"):
        if as_json:
            show.print_json(changed)
        else:
            show_decisions.resolved(chosen, changed, status, preview)


def _all(
    selection: Selection, items: list[QuarantinedItem], *, ask: bool
) -> tuple[Decision, list[QuarantinedItem]]:
    """The decision to drop many items, and these; at a terminal it is asked first, and no item is
    dropped that came later."""
    waiting = [item for item in items if item.status == "open"]
    chosen = selection.of(waiting)
    if not chosen:
        raise DecisionRefused(selection.none_of(waiting))
    if ask and sys.stdin.isatty():
        typer.confirm(f"Drop {show.counted(len(chosen))}?", abort=True)
    decision = Decision(
        act=Act.DROP_ITEMS,
        market=selection.symbol,
        matching=selection.reason,
        last_item=chosen[-1].id,
    )
    return decision, chosen


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None
