"""The typed events of an agent: the product's spine. Surfaces are clients of these and of nothing else.

A logged event carries the `seq` its log gave it; deltas carry (message, index) and are never logged.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ._messages import Json, Message, ToolCall, ToolResult, Usage

if TYPE_CHECKING:
    from ._turn import TurnResult


@dataclass(slots=True, kw_only=True)
class Event:
    """Be the base of all events, read-only by convention; `kind` is the class name in snake case."""

    kind: ClassVar[str] = "event"

    def __init_subclass__(cls) -> None:
        cls.kind = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()


@dataclass(slots=True, kw_only=True)
class Logged(Event):
    """Be the base of what the log keeps; `seq` is the number it gave the event."""

    seq: int = 0


@dataclass(slots=True)
class AgentStarted(Logged):
    agent: str
    model: str
    tools: list[str]
    plugins: list[str]
    cwd: str


@dataclass(slots=True)
class AgentStopped(Logged):
    agent: str


@dataclass(slots=True)
class TurnStarted(Logged):
    turn: int
    message: Message | None
    source: str = "user"


@dataclass(slots=True)
class TurnEnded(Logged):
    turn: int
    result: "TurnResult"


@dataclass(slots=True)
class InputQueued(Event):
    id: str
    text: str
    steer: bool = False
    withdrawn: bool = False


@dataclass(slots=True)
class InputAccepted(Logged):
    """Input joined the turn that runs: steering, or the result of a background job."""

    message: Message
    source: str = "user"


@dataclass(slots=True)
class HistoryEdited(Logged):
    """`history[start:stop]` became `messages`: a summary took the place of what was said, for one."""

    start: int
    stop: int
    messages: list[Message]
    by: str = ""


@dataclass(slots=True)
class LLMStarted(Logged):
    message: int
    model: str


@dataclass(slots=True)
class TextDelta(Event):
    text: str
    message: int = 0
    index: int = 0


@dataclass(slots=True)
class ThinkingDelta(Event):
    text: str
    message: int = 0
    index: int = 0


@dataclass(slots=True)
class ToolCallDelta(Event):
    """A fragment of a call's arguments; `name` comes with the first."""

    id: str
    text: str
    name: str = ""
    message: int = 0
    index: int = 0


@dataclass(slots=True)
class LLMRestarted(Event):
    """The reply starts over: discard the draft of `message`."""

    message: int
    attempt: int


@dataclass(slots=True)
class LLMRetry(Event):
    """A provider waits `wait` seconds before it tries again."""

    attempt: int
    wait: float
    reason: str


@dataclass(slots=True)
class LLMEnded(Logged):
    message: Message
    usage: Usage
    number: int = 0


@dataclass(slots=True)
class ToolStarted(Logged):
    """A call passed every guard and starts; `attempt` counts from 1."""

    call: ToolCall
    effect: str
    attempt: int = 1


@dataclass(slots=True)
class ToolProgress(Event):
    call_id: str
    text: str
    fraction: float | None = None


@dataclass(slots=True)
class ToolEnded(Logged):
    call: ToolCall
    result: ToolResult
    seconds: float = 0.0


@dataclass(slots=True)
class Refused(Logged):
    """A call or turn was refused; `by` names who did."""

    what: str
    why: str
    by: str = ""


@dataclass(slots=True)
class QuestionAsked(Logged):
    id: str
    text: str
    choices: list[str] = field(default_factory=list)
    topic: str = "input"
    call_id: str = ""
    data: Json = None


@dataclass(slots=True)
class PluginFailed(Event):
    """A listener or a background task of a plugin raised; the agent went on."""

    plugin: str
    error: str


@dataclass(slots=True)
class Advice(Event):
    """A remark for the developer: a blocking tool without `blocking=True`, a deprecated hook ..."""

    text: str
