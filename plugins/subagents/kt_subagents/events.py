"""The events of sub-agents."""

from dataclasses import dataclass, field

from kt import Usage
from kt.events import Event, Logged


@dataclass(slots=True)
class SubagentStarted(Logged):
    """Sub-agent `id` (s1, s2 ...) starts on a prompt, for the call `call_id`; `depth` is 1 below the main agent."""

    id: str
    name: str
    prompt: str
    model: str
    call_id: str = ""
    depth: int = 1


@dataclass(slots=True)
class SubagentEnded(Logged):
    """Sub-agent `id` has ended with the `status` of its turn; only "ok" is success.

    `text` is its answer, or what it had said of one. `used` counts its own model calls and those of its own
    sub-agents; it is in no other agent's usage.
    """

    id: str
    name: str
    status: str
    text: str
    error: str = ""
    used: Usage = field(default_factory=Usage)
    seconds: float = 0.0


@dataclass(slots=True)
class SubagentActivity(Event):
    """Sub-agent `id` published `event`, which is no delta; one of its own sub-agents' is a SubagentActivity again."""

    id: str
    name: str
    event: Event
