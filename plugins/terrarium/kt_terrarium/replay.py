"""What happened in a graph, from its session: its own events and those of its creatures, in one order."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kt import Host
from kt.errors import ConfigError, NotFound

from .resume import beside
from .state import fold


@dataclass(slots=True)
class Happened:
    """A stored event with its place: `creature` is "" for a whole graph's, `time` in seconds since the epoch."""

    time: float
    graph: str
    creature: str
    kind: str
    body: dict[str, Any]


def replay(
    session: str | Path, *kinds: str, creature: str | None = None, channel: str | None = None, host: Host | None = None
) -> Iterator[Happened]:
    """Yield what a graph's session tells, oldest first; some kinds, one creature or one channel.

    The session may be running. Raises NotFound where it keeps no graph, and what reading a session raises.
    """
    plugins = (host or Host()).plugins
    registry = plugins.registry
    if registry.find("loader", "journal") is None:
        raise ConfigError("sessions come with kt-sessions", hint="pip install kt-sessions")
    home = Path(registry.get("loader", "session")(registry, session)).resolve()
    entries = registry.get("loader", "journal")(plugins, home)
    state = fold(entries)
    if not state.graph:
        raise NotFound("the session keeps no graph of creatures", where=str(home))
    own = (Happened(e.ts, state.graph, str(e.body.get("creature", "")), e.kind, e.body) for e in entries)
    told = [
        _of(beside(home, body["session"]), state.graph, n) for n, body in state.creatures.items() if "session" in body
    ]
    for each in heapq.merge(own, *told, key=lambda happened: happened.time):
        if (
            (not kinds or each.kind in kinds)
            and creature in (None, each.creature)
            and channel in (None, each.body.get("channel"))
        ):
            yield each


def _of(path: Path, graph: str, name: str) -> Iterator[Happened]:
    from kt import SessionReader

    with SessionReader(path) as reader:
        for event in reader.path_events(name):
            yield Happened(event.time, graph, name, event.kind, event.body)
