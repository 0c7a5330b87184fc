"""Triggers: what starts turns by itself, at a time, when files change, when a request comes in."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.trigger("timer", "kt_triggers.timed:TIMER", help="a turn every so often")
    registry.trigger("cron", "kt_triggers.timed:CRON", help="turns at the times of a cron schedule")
    registry.trigger("at", "kt_triggers.timed:AT", help="one turn at one time")
    registry.trigger("watch", "kt_triggers.watch:WATCH", help="a turn when files change")
    registry.trigger("webhook", "kt_triggers.webhook:WEBHOOK", help="a turn when an HTTP request comes in")
    registry.trigger("idle", "kt_triggers.idle:IDLE", help="a turn when none ran for so long")
    registry.trigger("startup", "kt_triggers.startup:STARTUP", help="a turn when the agent starts")
    registry.plugin("triggers", "kt_triggers.plugin:Triggers", help="lets an agent set triggers of its own")
    registry.tool("set_trigger", "kt_triggers.tools:set_trigger", help="set a trigger of the agent's own")
    registry.tool("list_triggers", "kt_triggers.tools:list_triggers", help="list the agent's triggers")
    registry.tool("delete_trigger", "kt_triggers.tools:delete_trigger", help="delete a trigger of the agent's own")
