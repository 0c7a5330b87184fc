"""A graph comes back from its journal: creatures, edges, what was on its way, turns that were cut."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kt import Agent, Status, Usage
from kt.errors import ConfigError, DataError, NotFound, UsageError

from . import supervision, wiring
from .adding import restart_of
from .channel import Channel, Mailbox
from .events import CreatureRemoved, CreatureStarted
from .graph import Graph, Wire
from .journal import GraphLog
from .limits import GraphLimits, exceeded
from .member import Member
from .post import id_of, post_of
from .state import GraphState, fold

if TYPE_CHECKING:
    from .engine import Terrarium

SOURCES = ("channel:", "wire:")


class Trace(Protocol):
    """What the loader `accepted` tells of an agent: the input it took, and how its turns ended."""

    sources: set[str]
    turns: Mapping[int, Any]


async def take_up(engine: "Terrarium", root: Agent) -> bool:
    """Bring back the team that the session of a root keeps; return False where it keeps none."""
    if root.session is None or engine.host.registry.find("store", "journal") is None:
        return False
    log, home = GraphLog(), Path(root.session)
    state = fold(await log.open(engine.host, home))
    if not state.graph or state.ended or root.name not in state.creatures:
        await log.close()
        return False
    await restore(engine, state, log, home, root)
    return True


async def from_session(engine: "Terrarium", session: str | Path, creatures: Mapping[str, Any]) -> Graph:
    """Bring back the graph that a session keeps. Raises NotFound, and ConfigError where it became part of another."""
    registry = engine.host.registry
    if (find := registry.find("loader", "session")) is None or registry.find("store", "journal") is None:
        raise ConfigError("sessions come with kt-sessions", hint="pip install kt-sessions")
    home = Path(find.load()(registry, session)).resolve()  # noqa: ASYNC240  one look at the disk, at start
    log = GraphLog()
    state = fold(await log.open(engine.host, home))
    if not state.graph or state.ended:
        await log.close()
        why = f": {state.ended}" if state.ended else ""
        raise NotFound(f"the session keeps no graph of creatures{why}", where=str(home), hint="kt resume NAME")
    return await restore(engine, state, log, home, None, creatures)


async def restore(
    engine: "Terrarium",
    state: GraphState,
    log: GraphLog,
    home: Path,
    root: Agent | None = None,
    creatures: Mapping[str, Any] | None = None,
) -> Graph:
    """Make a graph of a journal's state: its creatures from their sessions, its edges, and what was on its way."""
    limits = GraphLimits(**state.limits) if engine.limits == GraphLimits() else engine.limits
    graph = Graph(state.graph, state.name, limits, log=log, environment=state.environment, origins=state.origins)
    engine.graphs[graph.id], engine.kept = graph, True
    graph.calls = state.spent.get("calls", 0)
    used = state.spent
    graph.spent = Usage(used.get("input", 0), used.get("output", 0), cost=used.get("cost"))
    graph.exhausted = exceeded(graph)
    traces: dict[str, Trace] = {}
    for name, body in state.creatures.items():
        is_root = root is not None and name == root.name
        try:
            if body.get("session"):
                traces[name] = _trace(engine, home, name, body)
            elif not is_root:
                raise NotFound(f"creature {name!r} kept no session")
            await _creature(engine, graph, home, name, body, root, (creatures or {}).get(name, {}))
        except NotFound:
            if is_root:
                raise
            engine.record(graph, CreatureRemoved(name))  # it kept nothing, or never started
    _edges(graph, state)
    for member in graph.members.values():
        engine.maker.equip(member)
    _cut(graph, state, traces)
    for member in graph.members.values():
        member.halted = member.name in state.stopped
        member.cut = member.cut and not member.halted
        if not (member.halted or member.agent.started):
            await member.agent.start()
            member.state = "idle"
            engine.record(graph, CreatureStarted(member.name))
        elif member.agent.started:
            member.state = "idle"
            await member.agent.refresh_prompt()
    _recall(graph, state, traces)
    _redeliver(engine, graph, state, traces)
    await _rewire(engine, graph, state, traces)
    for member in graph.members.values():
        if member.cut and member.agent is not root and member.agent.started:
            graph.busy.add(member)
            engine.host.spawn(_go_on(engine, member), name=f"{member.name} goes on")
    return graph


def _edges(graph: Graph, state: GraphState) -> None:
    """Connect the creatures that are there again."""
    there = graph.members.keys()
    graph.links = {link for link in state.links if link <= there}
    for name, pipe in state.channels.items():
        senders = {n: None for n in pipe.senders if n in there}
        listeners = {n: Mailbox() for n in pipe.listeners if n in there}
        made = Channel(name, pipe.type, pipe.description, pipe.capacity, senders, listeners)
        made.sent, graph.channels[name] = pipe.sent, made
    graph.wires = {edge: _wire(body) for edge, body in state.wires.items() if set(edge) <= there}
    graph.root = graph.members.get(state.root)


def beside(home: Path, session: str) -> Path:
    """Return a creature's session, as a graph's journal in `home` names it.

    Raises DataError for one in another folder: the journal may be a stranger's, and the session somebody else's.
    """
    path = (home.parent / session).resolve()
    if path.parent != home.parent.resolve():
        raise DataError(f"the graph's session names {session!r}, in another folder", where=str(home))
    return path


def _trace(engine: "Terrarium", home: Path, name: str, body: Mapping[str, Any]) -> Trace:
    trace: Trace = engine.host.registry.get("loader", "accepted")(
        engine.host.plugins, beside(home, body["session"]), name, SOURCES
    )
    return trace


async def _creature(
    engine: "Terrarium",
    graph: Graph,
    home: Path,
    name: str,
    body: Mapping[str, Any],
    root: Agent | None,
    given: Mapping[str, Any],
) -> None:
    """Build a creature of the graph again, from its session."""
    restart = restart_of(body.get("restart", "on-failure"))
    member = Member(engine, graph, privileged=bool(body.get("privileged")), restart=restart)
    if root is not None and name == root.name:
        member.agent, member.owned = root, False
    else:
        path = beside(home, body["session"])
        options = {k: v for k, v in engine.maker.options(None, given).items() if k not in ("session", "session_dir")}
        options |= {"agent": name, "terrarium": member}
        if "pwd" not in given:
            options.pop("pwd", None)  # each has its own in its session
        if root is not None and not engine.maker.forced and isinstance(options.get("llm"), str | Mapping):
            del options["llm"]  # that is the root's; each of the others has its own in its session
        plain = {k: v for k, v in options.items() if v not in (None, [], ())}
        recorded = engine.host.registry.get("loader", "recorded")
        where, creature, made = recorded(engine.host.plugins, path, plain)
        if root is not None and not Path(made["pwd"]).resolve().is_relative_to(root.pwd):  # noqa: ASYNC240
            raise DataError(f"creature {name!r} works outside of its team's folder", where=str(home))
        member.agent = await Agent.build(creature, host=engine.host, session=str(where), **made)
    if name in engine.members:
        raise UsageError(f"the engine has a creature {name!r} already", hint="resume it in an engine of its own")
    engine.members[name] = graph.members[name] = member
    member.attach()
    engine.feeds.tap(member)


def _wire(body: Mapping[str, Any]) -> Wire:
    return Wire(
        body["source"],
        body["target"],
        body.get("with_content", True),
        body.get("prompt", ""),
        body.get("after", 0),
        body.get("origins", ""),
    )


def _cut(graph: Graph, state: GraphState, traces: Mapping[str, Trace]) -> None:
    """Find the turns that were cut: those creatures take nothing new before they go on."""
    for name, member in graph.members.items():
        turns = traces[name].turns if name in traces else {}
        last = max(turns, default=0)
        member.done = last
        if last and turns[last].status == "interrupted":
            member.cut = True


def _recall(graph: Graph, state: GraphState, traces: Mapping[str, Trace]) -> None:
    """Find what creatures had sent by calls that have no result yet; a turn may have been cut several times."""
    for name, member in graph.members.items():
        open_calls = {call.id for call in member.agent.open_calls()} if member.cut else ()
        turns = traces[name].turns if open_calls else {}
        ended = max((turn for turn, told in turns.items() if told.status != "interrupted"), default=0)
        sent = (m for m in state.messages.values() if m["sender"] == name and m.get("turn", 0) > ended)
        member.sent = {m["call"]: post_of(m) for m in sent if m.get("call") in open_calls}


def _redeliver(engine: "Terrarium", graph: Graph, state: GraphState, traces: Mapping[str, Trace]) -> None:
    """Hand on again what was sent and not taken."""
    taken = {name: {id_of(source) for source in trace.sources} for name, trace in traces.items()}
    for id, body in state.messages.items():
        post, channel = post_of(body), graph.channels.get(body["channel"])
        if channel is not None and channel.type == "queue":
            if not any(id in taken.get(name, ()) or (id, name) in state.dropped for name in post.to):
                channel.backlog.append(post)
            continue
        for name in post.to:
            member = graph.members.get(name)
            if member is not None and id not in taken.get(name, ()) and (id, name) not in state.dropped:
                box = None if channel is None else channel.listeners.get(name)
                engine.delivery.hand(member, post, box)
    for channel in graph.channels.values():
        engine.delivery.feed(graph, channel)


async def _rewire(engine: "Terrarium", graph: Graph, state: GraphState, traces: Mapping[str, Trace]) -> None:
    """Send the answers that were given before anybody heard of them."""
    answers = [m for m in state.messages.values() if _is_answer(m)]
    known = {(m["sender"], m.get("turn", 0), to) for m in answers for to in m["to"]}
    said = {(m["sender"], m.get("call"), to) for m in answers for to in m["to"]}
    for wire in list(graph.wires.values()):
        member, trace = graph.members[wire.source], traces.get(wire.source)
        for turn, told in trace.turns.items() if trace is not None else ():
            text = told.text if told.status == Status.ok else _unended(graph, member, turn)
            if turn > wire.after and text is not None and (wire.source, turn, wire.target) not in known:
                hops = _hops(state, told.sources)
                await wiring.deliver(engine, member, wire, turn, text, hops)
        last = f"{wiring.ANSWER}{member.agent.asked}"
        if member is graph.root and member.cut and (wire.source, last, wire.target) not in said and member.answered:
            text = member.agent.history[-1].text
            await wiring.deliver(engine, member, wire, member.agent.turns, text, 0, last)


def _unended(graph: Graph, member: Member, turn: int) -> str | None:
    """Return what a creature had answered in a turn of which only the end is missing; a root's goes on."""
    over = member.cut and turn == member.done and member is not graph.root and member.answered
    return member.agent.history[-1].text if over else None


def _is_answer(message: Mapping[str, Any]) -> bool:
    """Tell whether a message came over a wire."""
    call = message.get("call", "")
    return not message["channel"] and (not call or call.startswith(wiring.ANSWER))


def _hops(state: GraphState, sources: Iterable[str]) -> int:
    came = [state.messages.get(id_of(source)) for source in sources]
    return max((message.get("hops", 0) for message in came if message), default=0)


async def _go_on(engine: "Terrarium", member: Member) -> None:
    """End a turn that was cut, and treat its failure as any other that nobody waits for."""
    agent = member.agent
    if agent.history and not member.answered:
        result = await agent.run(None)
        if result.status is Status.failed:
            supervision.crashed(engine, member, result)
    member.cut = False
    engine.delivery.hand_stored(member)
