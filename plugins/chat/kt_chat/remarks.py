"""Events that are a line of the transcript and no more."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kt import encode
from kt.events import Event

from .inert import one_line
from .items import Level

Remark: TypeAlias = tuple[str, Level] | None


def remark(event: Event) -> Remark:
    """Return what a person should read about an event of a plugin, and how serious it is; None for no line."""
    tell = REMARKS.get(event.kind)
    return None if tell is None else tell(event)


def _resumed(event: Any) -> Remark:
    said = encode(event)
    parts = []
    if unknown := said.get("unknown"):
        parts.append(f"the process ended while these ran, their outcome is unknown: {', '.join(unknown)}")
    if lost := said.get("lost"):
        parts.append(f"these background jobs ended with it: {', '.join(lost)}")
    return ("; ".join(parts), "warning") if parts else None


def _compacted(event: Any) -> tuple[str, Level]:
    how = "old results left out" if event.how == "cleared" else "summarised"
    return f"the conversation was {how}: {event.before:,} tokens became {event.after:,}", "info"


def _team(event: Any) -> Remark:
    creature, inner = event.creature, event.event
    if inner.kind in ("message_sent", "message_dropped", "loop_stopped", "graph_limit_reached"):
        return remark(inner)
    if inner.kind in ("creature_crashed", "creature_failed"):
        again = f"; attempt {inner.attempt} in {inner.wait:.1f} s" if inner.kind == "creature_crashed" else ", stopped"
        return f"{creature} failed ({inner.error}){again}", "warning"
    if inner.kind == "turn_ended":
        if inner.result.error is not None:
            return f"{creature}: {inner.result.error.line()}", "error"
        return (f"{creature}: {one_line(inner.result.text)}", "info") if inner.result.text else None
    if inner.kind == "tool_started":
        return f"{creature}: {inner.call.name}", "info"
    return None


def _message(event: Any) -> tuple[str, Level]:
    channel = f"#{event.channel} " if event.channel else ""
    return f"{channel}{event.sender} -> {', '.join(event.to) or 'nobody'}: {one_line(event.text)}", "info"


def _hops(event: Any) -> tuple[str, Level]:
    return f"{event.sender} sent the last of {event.hops} messages in a row, and it was not delivered", "warning"


REMARKS: Mapping[str, Callable[[Any], Remark]] = {
    "session_resumed": _resumed,
    "compaction_started": lambda e: ("summarising the older part of the conversation", "info"),
    "compaction_ended": _compacted,
    "compaction_failed": lambda e: (f"the conversation was not summarised: {e.reason}", "warning"),
    "budget_warning": lambda e: (one_line(getattr(e, "text", "") or str(encode(e))), "warning"),
    "team_activity": _team,
    "message_sent": _message,
    "message_dropped": lambda e: (f"{e.listener} did not get a message: {e.why}", "warning"),
    "loop_stopped": _hops,
    "graph_limit_reached": lambda e: (e.what, "warning"),
}
"""Kind of an event -> what tells of it: other plugins' events are known by their kind, not by their class."""
