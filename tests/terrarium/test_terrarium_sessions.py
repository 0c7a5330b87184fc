"""Random runs that are kept: each history whole in one file, each graph in its journal, and both come back."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kt import Host, Message, SessionReader, Terrarium
from kt_terrarium.engine import Member
from kt_terrarium.graph import Graph
from kt_terrarium.post import id_of
from kt_terrarium.state import GraphState, fold

from .acts import ACTS, WEIGHTS
from .world import Watch, World

NUMBER = st.integers(0, 999)
NAMES = [name for name in WEIGHTS if name not in ("crash", "doom")]
LENGTH = 20
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), NUMBER, NUMBER, NUMBER), min_size=LENGTH, max_size=LENGTH)


def texts(history: list[Message]) -> list[tuple[str, str]]:
    return [(m.role, m.text) for m in history]


def picture(graph: Graph) -> dict[str, Any]:
    """Return what a graph is, as its journal should tell it."""
    return {
        "members": {m.name: m.privileged for m in graph.members.values()},
        "root": "" if graph.root is None else graph.root.name,
        "channels": {
            c.name: (c.type, c.description, c.capacity, sorted(c.senders), sorted(c.listeners))
            for c in graph.channels.values()
        },
        "wires": {edge: (w.with_content, w.prompt) for edge, w in graph.wires.items()},
        "links": set(graph.links),
        "environment": dict(graph.environment),
        "stopped": {m.name for m in graph.members.values() if not m.agent.started},
    }


def folded(state: GraphState) -> dict[str, Any]:
    """Return what a journal comes to, in the same form."""
    return {
        "members": {name: bool(body.get("privileged")) for name, body in state.creatures.items()},
        "root": state.root,
        "channels": {
            name: (p.type, p.description, p.capacity, sorted(p.senders), sorted(p.listeners))
            for name, p in state.channels.items()
        },
        "wires": {edge: (w.get("with_content", True), w.get("prompt", "")) for edge, w in state.wires.items()},
        "links": state.links,
        "environment": state.environment,
        "stopped": set(state.stopped),
    }


def files_of(member: Member, folder: Path) -> dict[Path, list[tuple[str, str]]]:
    """Return the sessions that have a history of a creature."""
    found = {}
    for path in folder.glob("*.ktlog"):
        with SessionReader(path) as reader:
            if any(info.name == member.name for info in reader.agents):
                found[path] = texts(reader.conversation(member.name))
    return found


def journal(path: Path) -> list[Any]:
    host = Host()
    entries: list[Any] = host.registry.get("loader", "journal")(host.plugins, path)
    return entries


def twice(path: Path, name: str) -> list[str]:
    """Return the ids of the messages that a creature took more than once, as its history has them."""
    with SessionReader(path) as reader:
        events = list(reader.path_events(name))
    sources = [e.body["source"] for e in events if e.kind == "turn_started" and "message" in e.body]
    sources += [e.body["source"] for e in events if e.kind == "input_accepted"]
    return [id for id, times in Counter(map(id_of, sources)).items() if id and times > 1]


async def play(engine: Terrarium, steps: list[tuple[str, int, int, int]]) -> World:
    """Do all steps; what creatures send of themselves comes to rest before anything else changes."""
    world = World(engine)
    for _ in range(3):
        await ACTS["add"](world, 0, 0, 0)
    spoken = False
    for name, *numbers in steps:
        busy = spoken or world.plain.wires or name == "wire"
        if name not in ("send", "inject", "speak", "nothing") and busy:
            await world.quiet()
        spoken = (spoken and name != "quiet") or name == "speak"
        await ACTS[name](world, *numbers)
        world.check_graphs()
        if numbers[0] % 3 == 0 and world.plain.names:
            engine.set_environment(sorted(world.plain.names)[0], f"key{numbers[1] % 3}", numbers[2])
    await world.quiet()
    return world


def check_files(world: World, folder: Path) -> None:
    """Compare the histories in the files with those that the creatures had: each is whole, in one file."""
    for member in world.everyone.values():
        histories = files_of(member, folder)
        if member.agent.turns:
            assert list(histories) == [member.session]
        for path, history in histories.items():
            assert path == member.session
            assert history == texts(member.agent.history)
            assert not twice(path, member.name)


def check_journal(graph: Graph, had: dict[str, Any]) -> None:
    """Compare what a graph's journal comes to with what the graph was."""
    assert graph.log.path is not None
    entries = journal(graph.log.path)
    state = fold(entries)
    assert not state.ended
    assert (state.graph, folded(state)) == (graph.id, had)
    sent = [e.body for e in entries if e.kind == "message_sent"]
    said = {(b["id"], b["text"], b["channel"] or b["to"][0]) for b in sent}
    assert len(said) == len({id for id, _, _ in said}) == len({(text, where) for _, text, where in said})


async def check_resumed(world: World, graph: Graph, had: dict[str, Any]) -> None:
    """Bring a graph back: it is the same, nobody is told anything twice, and what waited is taken."""
    given = {name: {"llm": world.model_of(name), "plugins": [Watch(world)]} for name in had["members"]}
    assert graph.log.path is not None
    async with await Terrarium.resume(graph.log.path, creatures=given) as engine:
        (again,) = engine.graphs.values()
        assert picture(again) == had
        assert again.id == graph.id
        for name, member in engine.members.items():
            world.follow(name, member)
        await engine.start()
        await asyncio.wait_for(engine.quiet(), 20)
        for name, member in engine.members.items():
            old = world.everyone[name].agent
            assert texts(member.agent.history)[: len(old.history)] == texts(old.history)
            world.everyone[name] = member
        world.stopped -= engine.members.keys()
    for member in engine.members.values():
        assert member.session is not None
        assert not twice(member.session, member.name)


async def run(steps: list[tuple[str, int, int, int]], folder: Path) -> None:
    async with Terrarium(session_dir=folder) as engine:
        world = await play(engine, steps)
        graphs = {graph: picture(graph) for graph in engine.graphs.values()}
    check_files(world, folder)
    world.loose |= world.typed  # input that nobody took lasts as long as its process
    for graph, had in graphs.items():
        assert graph.log.path is not None or len(graph.members) == 1
        if graph.log.path is not None:
            check_journal(graph, had)
            await check_resumed(world, graph, had)
    world.check_received()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@given(STEPS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_runs_are_kept_whole_and_come_back(tmp_path_factory: pytest.TempPathFactory, steps: Any) -> None:
    asyncio.run(run(steps, tmp_path_factory.mktemp("kept")))
