"""What a graph's journal comes to: who is in it, what connects them, which messages were sent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol


class JournalEntry(Protocol):
    """One event of a journal, as the loader `journal` gives it."""

    seq: int
    ts: float
    kind: str
    body: dict[str, Any]


@dataclass(slots=True)
class Piped:
    """A channel as the journal has it."""

    type: str = "broadcast"
    description: str = ""
    capacity: int = 1000
    sent: int = 0
    senders: dict[str, None] = field(default_factory=dict)
    listeners: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class GraphState:
    """A graph at the end of its journal. `messages` are by id; `dropped` are (id, listener); `ended` says why it is
    no more, "" where it goes on."""

    graph: str = ""
    name: str = ""
    lineage: list[Any] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)
    creatures: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    links: set[frozenset[str]] = field(default_factory=set)
    channels: dict[str, Piped] = field(default_factory=dict)
    wires: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: set[tuple[str, str]] = field(default_factory=set)
    spent: dict[str, Any] = field(default_factory=dict)
    ended: str = ""

    @property
    def root(self) -> str:
        """Return the name of the root, "" where there is none."""
        return next((name for name, body in self.creatures.items() if body.get("root")), "")


def fold(entries: Iterable[JournalEntry]) -> GraphState:
    """Return what a journal comes to: that of the last graph that was kept in it."""
    state = GraphState()
    for entry in entries:
        if entry.kind == "graph_created":
            state = GraphState()
        step = _STEPS.get(entry.kind)
        if step is not None:
            step(state, entry.body)
    return state


def _created(state: GraphState, body: dict[str, Any]) -> None:
    state.graph, state.name = body["graph"], body.get("name", "")
    state.lineage, state.limits = body.get("lineage", []), body.get("limits", {})


def _removed(state: GraphState, body: dict[str, Any]) -> None:
    name = body["creature"]
    state.creatures.pop(name, None)
    state.stopped.discard(name)
    state.failed.pop(name, None)
    state.links = {link for link in state.links if name not in link}
    state.wires = {edge: wire for edge, wire in state.wires.items() if name not in edge}
    for pipe in state.channels.values():
        pipe.senders.pop(name, None)
        pipe.listeners.pop(name, None)


def _channel(state: GraphState, body: dict[str, Any]) -> None:
    pipe = state.channels.setdefault(body["channel"], Piped())
    for key in ("type", "description", "capacity"):
        if key in body:
            setattr(pipe, key, body[key])


def _joined(state: GraphState, body: dict[str, Any]) -> None:
    pipe = state.channels.setdefault(body["channel"], Piped())
    (pipe.senders if body["direction"] == "send" else pipe.listeners)[body["creature"]] = None


def _left(state: GraphState, body: dict[str, Any]) -> None:
    pipe = state.channels.get(body["channel"])
    if pipe is not None and body["direction"] in ("send", "both"):
        pipe.senders.pop(body["creature"], None)
    if pipe is not None and body["direction"] in ("listen", "both"):
        pipe.listeners.pop(body["creature"], None)


def _sent(state: GraphState, body: dict[str, Any]) -> None:
    state.messages[body["id"]] = body
    if pipe := state.channels.get(body["channel"]):
        pipe.sent += 1


def _set(state: GraphState, body: dict[str, Any]) -> None:
    if body.get("value") is None:
        state.environment.pop(body["key"], None)
    else:
        state.environment[body["key"]] = body["value"]
        state.origins[body["key"]] = body.get("origins", "")


def _split(state: GraphState, body: dict[str, Any]) -> None:
    for _, _, names in body["parts"]:
        for name in names:
            _removed(state, {"creature": name})
    state.channels = {n: pipe for n, pipe in state.channels.items() if pipe.senders or pipe.listeners}


def _ended(state: GraphState, body: dict[str, Any]) -> None:
    state.ended = f"it became part of {body['into']}" + (f" in {body['session']}" if body.get("session") else "")


def _started(state: GraphState, body: dict[str, Any]) -> None:
    state.stopped.discard(body["creature"])
    state.failed.pop(body["creature"], None)


_STEPS = {
    "graph_created": _created,
    "creature_added": lambda state, body: state.creatures.update({body["creature"]: body}),
    "creature_removed": _removed,
    "creature_started": _started,
    "creature_stopped": lambda state, body: state.stopped.add(body["creature"]),
    "creature_failed": lambda state, body: state.failed.update({body["creature"]: body["error"]}),
    "linked": lambda state, body: state.links.add(frozenset((body["a"], body["b"]))),
    "channel_added": _channel,
    "channel_removed": lambda state, body: state.channels.pop(body["channel"], None),
    "channel_joined": _joined,
    "channel_left": _left,
    "wire_added": lambda state, body: state.wires.update({(body["source"], body["target"]): body}),
    "wire_removed": lambda state, body: state.wires.pop((body["source"], body["target"]), None),
    "message_sent": _sent,
    "graph_spent": lambda state, body: setattr(state, "spent", body),
    "message_dropped": lambda state, body: state.dropped.add((body["id"], body["listener"])),
    "environment_set": _set,
    "graph_merged": _ended,
    "graph_split": _split,
}
