"""The tools with which an agent manages triggers of its own."""

from typing import TYPE_CHECKING, Any, Literal

from kt import Context, ToolNeeds, tool
from kt.errors import MissingPlugin

from .board import Board
from .trigger import Trigger
from .zones import stamp

if TYPE_CHECKING:
    from .plugin import Triggers

NOTHING = ToolNeeds(reads=())


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def set_trigger(
    ctx: Context[Any],
    id: str,
    kind: Literal["timer", "cron", "at", "idle", "watch", "webhook"],
    prompt: str,
    every: str | None = None,
    times: int | None = None,
    schedule: str | None = None,
    time: str | None = None,
    timezone: str | None = None,
    after: str | None = None,
    paths: list[str] | None = None,
    path: str | None = None,
    missed: Literal["once", "skip", "all"] | None = None,
) -> str:
    """Have yourself called later: when the trigger fires, the prompt comes to you as a message.

    It outlasts a restart. A trigger you set before with the same id is replaced.

    Args:
        id: a short name
        kind: timer (every), cron (schedule), at (time), idle (after), watch (paths), webhook (path)
        prompt: what you will be told; write all you need to know then
        every: timer: how often, like 90s, 5m, 2h or 1d
        times: timer: how often in all; idle: how often in a row
        schedule: cron: five fields, like "0 9 * * mon-fri"
        time: at: like 2026-12-24T18:00, or 18:00 for the next time the clock shows it
        timezone: cron, at: like Europe/Berlin; without it the machine's
        after: idle: how long nothing must have happened
        paths: watch: files below the working folder, like src/**/*.py
        path: webhook: like /hook
        missed: timer, cron, at: what becomes of runs that were missed; one for all of them unless you say so
    """
    given = {
        "prompt": prompt, "every": every, "times": times, "schedule": schedule, "time": time, "timezone": timezone,
        "after": after, "paths": paths, "path": path, "missed": missed,
    }  # fmt: skip
    settings = {name: value for name, value in given.items() if value is not None}
    trigger = await _plugin(ctx).set(kind, id, settings)
    return f"set: {_line(trigger)}"


@tool(effect="read", needs=NOTHING)
async def list_triggers(ctx: Context[Any]) -> str:
    """List the triggers that call you: yours, and those your user gave you."""
    lines = [_line(trigger) for trigger in Board.of(ctx.agent.host).running(ctx.agent)]
    if any(active.name == "triggers" for active in ctx.agent.active):
        lines += [f"{id}: does not work: {why}" for id, why in _plugin(ctx).unfit.items()]
    return "\n".join(lines) or "there are no triggers"


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def delete_trigger(ctx: Context[Any], id: str) -> str:
    """Delete a trigger that you set."""
    await _plugin(ctx).delete(id)
    return f"deleted: {id}"


def _plugin(ctx: Context[Any]) -> "Triggers":
    try:
        found: Triggers = ctx.agent.plugin("triggers")
    except MissingPlugin:
        raise MissingPlugin("the plugin 'triggers' is not enabled for this agent", hint="plugins: [triggers]") from None
    return found


def _line(trigger: Trigger) -> str:
    """Return a trigger as one line: id, kind, settings, when it comes due, whose it is, what it says."""
    due = "" if trigger.next is None else f"; next {stamp(trigger.next, None)}"
    whose = "yours" if trigger.own else "your user's"
    return f"{trigger.id}: {trigger.kind}, {trigger.about or 'as usual'}{due}; {whose}: {trigger.prompt!r}"
