"""Commands of clients to an engine: each command is carried out, answered and audited."""

import asyncio

import structlog
from pydantic import ValidationError
from pydantic_core import from_json

from engine.control.audit import RUNNING, Audit, Entry
from engine.control.messages import PROTOCOL, Action, Command, Reply, first_error
from engine.cycles import metrics
from engine.cycles.cycle import CycleRunner
from engine.cycles.results import CycleResult
from engine.cycles.scheduler import Scheduler
from engine.errors import CycledeckError, NoSuchCycle, StoreLocked
from engine.ledger.decision import Decision
from engine.settings import Settings
from engine.store.store import Store

log = structlog.get_logger("cycledeck.commands")

# These act at once, and never wait for a cycle: nor for the audit, which may have to wait itself.
SWITCHES = frozenset({Action.PAUSE, Action.RESUME, Action.KILL, Action.REVIVE})
NAMES_A_CYCLE = frozenset({Action.REPLAY, Action.PREVIEW})
HAS_A_DECISION = frozenset({Action.DECIDE, Action.PREVIEW_DECISION})
LARGEST_ID = 2**63 - 1


class Commands:
    """Commands are carried out here. Every failure is in the reply."""

    def __init__(
        self, settings: Settings, store: Store, runner: CycleRunner, scheduler: Scheduler
    ) -> None:
        self._settings = settings
        self._store = store
        self._runner = runner
        self._scheduler = scheduler
        self._audit = Audit(store)

    async def execute(self, command: Command, actor: str) -> Reply:
        """The command's reply, once the audit has it; `actor` is the process that asked."""
        detail: dict[str, object] = {"cycle_id": command.cycle_id, "id": command.id}
        if command.decision is not None:
            detail["decision"] = command.decision.model_dump(mode="json", exclude_none=True)
        entry = Entry(actor, command.action.value, detail)
        if command.action in SWITCHES:
            reply = self._switch(command)
        else:
            await self._audit.keep(entry, RUNNING)
            reply = await self._work(command, actor)
        trouble = await self._audit.keep(entry, reply.message)
        if trouble is None:
            return reply
        return reply.model_copy(
            update={"message": f"{reply.message}; not kept in the audit: {trouble}"}
        )

    # --- switches

    def _switch(self, command: Command) -> Reply:
        actions = {
            Action.PAUSE: self._pause,
            Action.RESUME: self._resume,
            Action.KILL: self._kill,
            Action.REVIVE: self._revive,
        }
        ok, message = actions[command.action]()
        self._scheduler.changed()
        return Reply(id=command.id, ok=ok, message=message)

    def _pause(self) -> tuple[bool, str]:
        if self._scheduler.paused:
            return True, "was paused already"
        self._scheduler.pause()
        running = self._scheduler.running
        until = f"; cycle {running.cycle_id:,} is still running" if running else ""
        return True, f"paused: no cycle begins by itself until resumed{until}"

    def _resume(self) -> tuple[bool, str]:
        if not self._scheduler.paused:
            return True, "was not paused"
        self._scheduler.resume()
        return True, "resumed"

    def _kill(self) -> tuple[bool, str]:
        file = self._settings.kill_switch_file
        try:
            was_there = file.exists()
            file.touch(mode=0o600)
        except OSError as error:
            return False, (
                f"the kill switch file {file} cannot be made: {error.strerror or error}; orders "
                "are still sent. Pause the engine, or stop it"
            )
        if was_there:
            return True, f"was killed already: {file} exists"
        running = self._scheduler.running
        rest = f"; cycle {running.cycle_id:,} still runs, and sends no more" if running else ""
        return True, f"killed: no order is sent while {file} exists{rest}"

    def _revive(self) -> tuple[bool, str]:
        if self._settings.risk.kill_switch:
            return False, (
                "kill_switch is set in the configuration: still no order is sent, nothing was "
                "changed. Change it there and start the engine again"
            )
        file = self._settings.kill_switch_file
        try:
            file.unlink()
        except FileNotFoundError:
            return True, "was not killed"
        except OSError as error:
            return False, (
                f"the kill switch file {file} cannot be removed: {error.strerror or error}; "
                "still no order is sent. Remove it by hand"
            )
        return True, "revived: orders are sent again"

    # --- work

    async def _work(self, command: Command, actor: str) -> Reply:
        """In a task of its own: an engine that ends cancels what runs, not who asked for it."""
        (reply,) = await asyncio.gather(self._reply(command, actor), return_exceptions=True)
        if isinstance(reply, BaseException):
            return Reply(id=command.id, ok=False, message=_trouble(reply))
        return reply

    async def _reply(self, command: Command, actor: str) -> Reply:
        cycle_id = command.cycle_id or 0
        match command.action:
            case Action.TRIGGER:
                return _ran(command, await self._scheduler.cycle())
            case Action.REPLAY:
                return _ran(command, await self._scheduler.replay(cycle_id))
            case Action.PREVIEW:
                preview = await self._scheduler.preview(cycle_id)
                message = (
                    f"replaying cycle {cycle_id:,} would insert {preview.inserted:,}, ignore "
                    f"{preview.ignored:,} and find {preview.conflicting:,} conflicting"
                )
                return Reply(id=command.id, ok=True, message=message, preview=preview)
            case Action.DECIDE | Action.PREVIEW_DECISION if command.decision:
                return await self._decide(command, command.decision, actor)
        return await self._backfill(command)

    async def _decide(self, command: Command, decision: Decision, actor: str) -> Reply:
        preview = await self._scheduler.preview_decision(decision, actor)
        if command.action is Action.PREVIEW_DECISION:
            message = "this is what would change; nothing was changed"
            return Reply(id=command.id, ok=True, message=message, preview=preview)
        result = await self._scheduler.decide(decision, actor)
        made = {"commit_seq": result.commit_seq, "cycle_id": result.cycle_id}
        reply = _ran(command, result)
        return reply.model_copy(update={"preview": preview.model_copy(update=made)})

    async def _backfill(self, command: Command) -> Reply:
        """Beside cycles: the one that runs writes its own."""
        running = self._scheduler.running
        missing = await self._store.read(metrics.missing)
        waiting = [cycle_id for cycle_id in missing if not running or cycle_id != running.cycle_id]
        rebuilt = await self._runner.rebuild_metrics(waiting)
        message = f"metrics rebuilt: {rebuilt:,} of {len(waiting):,} that were missing"
        if rebuilt < len(waiting):
            message += "; the rest is missing still, the ledger is as it was. The log says why"
        return Reply(id=command.id, ok=rebuilt == len(waiting), message=message)


def read_command(line: bytes) -> Command | Reply:
    """The command that a line is, or the reply that names what is wrong with it."""
    try:
        values = from_json(line)
    except ValueError as error:
        return Reply(id=0, ok=False, message=f"not understood: this is no JSON: {error}")
    protocol = values.get("protocol", PROTOCOL) if isinstance(values, dict) else PROTOCOL
    if protocol != PROTOCOL:
        return _not_understood(
            values, f"protocol {protocol!r:.40}: this engine speaks protocol {PROTOCOL}"
        )
    try:
        command = Command.model_validate(values)
    except ValidationError as error:
        return _not_understood(values, first_error(error))
    if (command.decision is not None) != (command.action in HAS_A_DECISION):
        needs = "takes no" if command.decision else "needs a"
        return _not_understood(values, f"{command.action} {needs} decision")
    if command.action not in NAMES_A_CYCLE:
        named = command.cycle_id is not None
        return _not_understood(values, f"{command.action} takes no cycle_id") if named else command
    if command.cycle_id is None:
        return _not_understood(values, f"{command.action} needs a cycle_id")
    if not 0 < command.cycle_id <= LARGEST_ID:
        return _not_understood(values, "cycle_id: cycles are numbered from 1")
    return command


def _not_understood(values: object, problem: str) -> Reply:
    """The refusal of a line, addressed by the id it has, if any."""
    number = values.get("id") if isinstance(values, dict) else None
    return Reply(
        id=number if type(number) is int else 0,
        ok=False,
        message=f"not understood: {problem}; nothing was done",
    )


def _ran(command: Command, result: CycleResult) -> Reply:
    """The reply about a cycle that ran; `ok` where it committed."""
    cycle = f"cycle {result.cycle_id:,}"
    if result.replay_of is not None:
        cycle = f"{cycle} replayed {result.replay_of:,}"
    outcome = result.verdict or result.status
    changed = f"{result.ledger_events_inserted:,} inserted"
    message = f"{cycle}: {outcome}, {changed if result.committed else 'the ledger is as it was'}"
    if result.errors:
        message += f"; {result.errors[0].message}"
    return Reply(id=command.id, ok=result.committed, message=message)


def _trouble(error: BaseException) -> str:
    """A failed command in words: what happened, what was not changed, what to do."""
    if isinstance(error, asyncio.CancelledError):
        return "the engine ended before the cycle did; its row in cycles will say what became of it"
    if isinstance(error, NoSuchCycle):
        return f"{error}; nothing was changed"
    if isinstance(error, StoreLocked):
        return f"{error}; nothing was changed. Try again"
    if isinstance(error, CycledeckError):
        return f"{error}; nothing was changed"
    log.error("command_failed_unexpectedly", exc_info=error)
    return f"{type(error).__name__}: {error}; the log has more"
