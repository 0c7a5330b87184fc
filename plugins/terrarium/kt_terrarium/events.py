"""The events of a terrarium: what happens between creatures. A graph's journal keeps them, for a resume."""

from dataclasses import dataclass, field

from kt import Part
from kt.events import Event, Logged


@dataclass(slots=True)
class GraphEvent(Logged):
    """Be the base of what a graph's journal keeps; `seq` is the number it gave the event."""


@dataclass(slots=True)
class GraphCreated(GraphEvent):
    """A graph began. `lineage` names the graphs it came from: (graph, session, last event)."""

    graph: str
    name: str = ""
    lineage: list[tuple[str, str, int]] = field(default_factory=list)
    limits: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class CreatureAdded(GraphEvent):
    """A creature joined the graph; `session` is the file of its own history, relative to the graph's folder."""

    creature: str
    session: str = ""
    privileged: bool = False
    root: bool = False
    restart: str = "transient"
    turns: int = 0


@dataclass(slots=True)
class CreatureRemoved(GraphEvent):
    creature: str


@dataclass(slots=True)
class CreatureStarted(GraphEvent):
    creature: str


@dataclass(slots=True)
class CreatureStopped(GraphEvent):
    creature: str


@dataclass(slots=True)
class CreatureCrashed(GraphEvent):
    """A turn that nobody waited for failed; it is tried again after `wait` seconds."""

    creature: str
    error: str
    attempt: int
    wait: float


@dataclass(slots=True)
class CreatureFailed(GraphEvent):
    """A creature crashed more often than its policy allows, and was stopped; the others go on."""

    creature: str
    error: str


@dataclass(slots=True)
class Linked(GraphEvent):
    """Two creatures belong together, whether or not they can talk."""

    a: str
    b: str


@dataclass(slots=True)
class ChannelAdded(GraphEvent):
    channel: str
    type: str = "broadcast"
    description: str = ""
    capacity: int = 1000


@dataclass(slots=True)
class ChannelRemoved(GraphEvent):
    channel: str


@dataclass(slots=True)
class ChannelJoined(GraphEvent):
    """A creature may send on a channel (`direction` send), or hears it (listen)."""

    channel: str
    creature: str
    direction: str


@dataclass(slots=True)
class ChannelLeft(GraphEvent):
    channel: str
    creature: str
    direction: str


@dataclass(slots=True)
class WireAdded(GraphEvent):
    """What `source` answers becomes input of `target`, from turn `after` + 1 on."""

    source: str
    target: str
    with_content: bool = True
    prompt: str = ""
    after: int = 0
    origins: str = ""


@dataclass(slots=True)
class WireRemoved(GraphEvent):
    source: str
    target: str


@dataclass(slots=True)
class MessageSent(GraphEvent):
    """A message left its sender for `to`: the creatures that listened then, or those of a queue.

    `channel` is "" for what came over a wire. `turn` and `call` are those of the sender; `hops` counts the messages
    that led to this one; `origins` is what it is tainted by.
    """

    id: str
    channel: str
    sender: str
    text: str
    to: list[str]
    media: list[Part] = field(default_factory=list)
    origins: str = ""
    hops: int = 0
    turn: int = 0
    call: str = ""


@dataclass(slots=True)
class MessageDropped(GraphEvent):
    """A listener did not get a message, and why: it was too slow, it had failed, or it was removed."""

    id: str
    listener: str
    why: str


@dataclass(slots=True)
class LoopStopped(GraphEvent):
    """A chain of messages reached the graph's `max_hops`, and its last message was not delivered."""

    id: str
    sender: str
    hops: int


@dataclass(slots=True)
class EnvironmentSet(GraphEvent):
    """A value that the creatures of a graph share changed; None takes it away."""

    key: str
    value: object
    by: str = ""
    origins: str = ""


@dataclass(slots=True)
class GraphSpent(GraphEvent):
    """What the creatures of a graph with limits have spent together so far; `cost` in USD, None where unknown."""

    calls: int
    input: int
    output: int
    cost: float | None = None


@dataclass(slots=True)
class GraphLimitReached(GraphEvent):
    """What the creatures of a graph spent together is what they may; nothing more is delivered."""

    what: str


@dataclass(slots=True)
class GraphMerged(GraphEvent):
    """Two graphs became one, which goes on as `into` in `session`."""

    graph: str
    into: str
    session: str = ""


@dataclass(slots=True)
class GraphSplit(GraphEvent):
    """A graph fell apart; `parts` are the new graphs: (graph, session, creatures)."""

    graph: str
    parts: list[tuple[str, str, list[str]]]


@dataclass(slots=True)
class MessageDelivered(Event):
    """A message waits in a listener's inbox; that it was taken is that creature's own event."""

    id: str
    listener: str


@dataclass(slots=True)
class TeamActivity(Event):
    """What another creature of a team did, or what happened between them, told to who listens to the team's root."""

    creature: str
    event: Event
