"""What an engine and its consoles say to each other: one JSON object a line, version `PROTOCOL`.

The engine pushes `Hello` once, then a `Beat` a second and whenever its state changes, each cycle's
`Published` result, and `Logged` messages; it answers each `Command` with one `Reply`.
Times are UTC milliseconds.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from engine.cycles.results import CycleResult, EngineState, Frozen, Logged, Preview
from engine.ledger.decision import Decision

PROTOCOL = 1


class Action(StrEnum):
    """What a console can ask for. `replay`, `preview` and nothing else name a cycle; `decide` and
    `preview_decision` have a decision.

    `preview` is a replay that is rolled back. `kill` stops all new orders, `revive` allows them
    again; accounting goes on either way.
    """

    TRIGGER = "trigger"
    REPLAY = "replay"
    PREVIEW = "preview"
    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    REVIVE = "revive"
    BACKFILL = "backfill"
    DECIDE = "decide"
    PREVIEW_DECISION = "preview_decision"


class Hello(Frozen):
    """Who is on the other end. `strategy` and `venue` are as set; `holder` is the lease's."""

    type: Literal["hello"] = "hello"
    protocol: int = PROTOCOL
    version: str
    account: str
    venue: str
    mode: str
    strategy: str
    db: str
    pid: int
    holder: str
    epoch: int
    started_ms: int
    interval_ms: int
    lookback_ms: int
    symbols: tuple[str, ...] = ()
    seed: int | None = None


class Beat(Frozen):
    """How the engine is. `next_cycle_ms` is null while paused, stopping or in a cycle.

    `cycle_id` is the running cycle, null between cycles; `killed` says why no orders are sent.
    """

    type: Literal["beat"] = "beat"
    now_ms: int
    state: EngineState
    next_cycle_ms: int | None = None
    cycle_id: int | None = None
    cycle_started_ms: int | None = None
    killed: str | None = None


class Published(Frozen):
    type: Literal["result"] = "result"
    result: CycleResult


class Command(Frozen):
    """What a console asks for. A field that this program does not know may mean that something
    else is meant: such a command is refused."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["command"] = "command"
    protocol: int = PROTOCOL
    id: int
    action: Action
    cycle_id: int | None = None
    decision: Decision | None = None


class Reply(Frozen):
    """The outcome of one command: `message` says what happened, or what was not done and why."""

    type: Literal["reply"] = "reply"
    id: int
    ok: bool
    message: str
    preview: Preview | None = None


Push = Hello | Beat | Published | Logged | Reply
PUSH: TypeAdapter[Push] = TypeAdapter(Annotated[Push, Field(discriminator="type")])


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong with a message, and where."""
    entry = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, entry["loc"]))
    return f"{where}: {entry['msg']}" if where else str(entry["msg"])
