"""What a session tells of itself, beside what the agent does."""

from dataclasses import dataclass, field

from kt import Message
from kt.events import Logged


@dataclass(slots=True)
class SessionCreated(Logged):
    """An agent began to keep its session; `made` is what `Agent.resume` makes it of again."""

    session: str
    agent: str
    version: str
    made: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class MessageAdded(Logged):
    """The conversation has one more message. In the file only: other events tell the surfaces."""

    message: Message


@dataclass(slots=True)
class SessionResumed(Logged):
    """A session goes on.

    `interrupted` says that its last turn had no end; `unknown` names the calls that began and may have had their
    effect, `lost` the background jobs that ended with the process.
    """

    session: str
    interrupted: bool = False
    unknown: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SessionRewound(Logged):
    """The conversation was taken back to the end of `turn`; what came after it stays in the file.

    `turns` is the highest number that a turn had: numbers are not given twice.
    """

    turn: int
    turns: int


@dataclass(slots=True)
class SessionForked(Logged):
    """This file began as a copy of another session, `source`, up to its event `event`."""

    source: str
    event: int


@dataclass(slots=True)
class StateSet(Logged):
    """`agent.state[key]` has a new value; None where it was removed."""

    key: str
    value: object


@dataclass(slots=True)
class PluginSaved(Logged):
    """A plugin's own state, from its `kt_save`, has changed."""

    plugin: str
    state: object
