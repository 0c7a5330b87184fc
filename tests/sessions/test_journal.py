"""The journal of a graph: what is appended comes back, beside the agents of the same file."""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt import Agent, Host, Media, Part, Plugins, SessionReader, Text, decode, encode
from kt.errors import NotFound, UsageError
from kt.events import Logged
from kt.testing import ScriptedLLM
from kt_sessions.check import check
from kt_sessions.errors import SessionDamaged, SessionLocked
from kt_sessions.journal import Journal, JournalEntry, read

from .conftest import Victim

pytestmark = pytest.mark.anyio

PLUGINS = Plugins()


@dataclass(slots=True)
class MessageSent(Logged):
    """A message between creatures, as any distribution may define it."""

    id: str
    text: str
    to: list[str] = field(default_factory=list)
    media: list[Part] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    hops: int = 0


def fields_of(event: Logged) -> dict[str, Any]:
    """Return what `kt.encode` makes of an event, without what only says which event it is."""
    return {k: v for k, v in encode(event).items() if k not in ("type", "seq")}


async def keep(path: Path, *events: Logged, name: str = "graph") -> list[JournalEntry]:
    """Append events to a journal; return what it had before."""
    async with Host() as host:
        journal = Journal(path, name=name)
        held = await journal.open(host)
        for event in events:
            journal.append(event)
        await journal.close()
    return held


async def agent_on(host: Host, name: str, session: Any) -> Agent:
    agent: Agent = await Agent.build({"name": name}, llm=ScriptedLLM(lambda request: "yes"), host=host, session=session)
    await agent.start()
    return agent


async def test_what_is_appended_comes_back_as_it_is_encoded(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    events = [
        MessageSent("m1", "hello", ["coder", "critic"]),
        MessageSent("m2", "long " * 20_000, media=[Media("image/png", b"\x00\xff" * 9000, name="a.png")], hops=3),
        MessageSent("m3", "half a \ud800", about={"$ref": 1, "$blob": "no", "deep": [{"$bytes": None}, 1.5, True]}),
        MessageSent("m4", "", media=[Text("said", origin="web file")]),
    ]
    assert await keep(path, *events) == []
    held = await keep(path)
    assert [(e.seq, e.kind) for e in held] == [(n, "message_sent") for n in (1, 2, 3, 4)]
    assert [e.body for e in held] == [fields_of(event) for event in events]
    assert held == read(PLUGINS, path) == read(PLUGINS, str(path))
    assert decode(MessageSent, json.dumps(held[0].body)) == events[0]
    assert [e.ts for e in held] == sorted(e.ts for e in held)
    assert check(path).problems == []


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3), max_size=5), max_size=4
    )
)
def test_journals_go_on_where_they_ended(runs: list[list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, told = Path(folder, "s.ktlog"), list[dict[str, Any]]()
        for number, abouts in enumerate(runs):
            events = [MessageSent(str(number), "x", about=about) for about in abouts]
            held = asyncio.run(keep(path, *events))
            assert [(e.seq, e.body) for e in held] == list(enumerate(told, 1))
            told += map(fields_of, events)
        if runs:
            assert [e.body for e in read(PLUGINS, path, after=1)] == told[1:]


async def test_it_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        journal = Journal(path)
        await journal.open(host)
        assert read(PLUGINS, path) == []
        assert [journal.append(MessageSent(f"m{n}", "x")) for n in range(5)] == [1, 2, 3, 4, 5]
        await journal.durable()
        assert [e.body["id"] for e in read(PLUGINS, path, after=3)] == ["m3", "m4"]
        assert read(PLUGINS, path, name="other") == read(PLUGINS, path, after=5) == []
        await journal.close()
    with pytest.raises(NotFound):
        read(PLUGINS, tmp_path / "none.ktlog")


async def test_agents_and_journals_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        journal, other = Journal(path), Journal(path, name="coder")
        await journal.open(host)
        agent = await agent_on(host, "coder", path)
        await other.open(host)
        for number in range(3):
            journal.append(MessageSent(f"m{number}", "go on"))
            await agent.run("go on")
            other.append(MessageSent(f"o{number}", "aside"))
        await journal.close()
        await agent.run("without the journal")
        await agent.stop()
        await other.close()
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208
    with SessionReader(path) as reader:
        assert [(s.name, s.kind, s.parent, s.last > 0) for s in reader.streams] == [
            ("graph", "graph", None, True),
            ("coder", "agent", None, True),
            ("coder", "graph", None, True),
        ]
        assert [s.id for s in reader.agents] == [reader.stream().id] == [reader.stream("coder").id] == [2]
        assert [turn.number for turn in reader.turns()] == [1, 2, 3, 4]
        assert len(reader.conversation("coder")) == 8
        assert reader.made()["creature"]["name"] == "coder"
    assert [e.body["id"] for e in read(PLUGINS, path, name="coder")] == ["o0", "o1", "o2"]
    assert check(path).problems == []
    async with Host() as host:
        journal = Journal(path)
        assert [e.body["id"] for e in await journal.open(host)] == ["m0", "m1", "m2"]
        agent = await agent_on(host, "coder", path)
        assert (len(agent.history), journal.append(MessageSent("m3", "x"))) == (8, 4)
        await agent.stop()
        await journal.close()


async def test_one_writes_a_stream_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host, Host() as another:
        journal, second = Journal(path), Journal(path)
        await journal.open(host)
        for where in (host, another):  # in one process, and from beside
            with pytest.raises(SessionLocked):
                await second.open(where)
        await journal.close()
        await second.open(another)
        with pytest.raises(SessionLocked):
            await agent_on(host, "coder", path)
        await second.close()


async def test_an_agent_that_is_started_twice_at_once_is_locked_once(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        await (await agent_on(host, "coder", path)).stop()
        agents = await asyncio.gather(*[agent_on(host, "coder", path) for _ in range(2)], return_exceptions=True)
        (running,) = [agent for agent in agents if isinstance(agent, Agent)]
        assert any(isinstance(error, SessionLocked) for error in agents)
        await running.run("go")
        await running.stop()
    assert check(path).problems == []


async def test_a_journal_that_is_not_open_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "s.ktlog")
    with pytest.raises(UsageError, match="not open"):
        journal.append(MessageSent("m", "x"))
    async with Host() as host:
        await journal.open(host)
        await journal.close()
        await journal.close()
        await journal.durable()
        with pytest.raises(UsageError, match="not open"):
            journal.append(MessageSent("m", "x"))


class Unwritable:
    """What can't be written down at all."""

    def __str__(self) -> str:
        raise RuntimeError("no text of me")


async def test_what_cannot_be_written_leaves_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        journal = Journal(path)
        await journal.open(host)
        with pytest.raises(RuntimeError, match="no text"):
            journal.append(MessageSent("bad", "x", about={"it": Unwritable()}))
        assert journal.append(MessageSent("good", "x")) == 1
        await journal.close()
    assert [e.body["id"] for e in read(PLUGINS, path)] == ["good"]


async def test_a_changed_entry_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await keep(path, MessageSent("m1", "the truth"), MessageSent("m2", "x"))
    path.write_bytes(path.read_bytes().replace(b"the truth", b"not a lie"))
    with pytest.raises(SessionDamaged):
        read(PLUGINS, path)
    with pytest.raises(SessionDamaged):
        await keep(path)


async def test_a_first_turn_with_a_journal_is_small(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        journal = Journal(path)
        await journal.open(host)
        agent = await agent_on(host, "coder", path)
        for number in range(10):
            journal.append(MessageSent(f"m{number}", "a message between two creatures", ["coder"]))
        await agent.run("hello")
        await agent.stop()
        await journal.close()
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208
    assert path.stat().st_size <= 64 * 1024


@pytest.mark.parametrize("turns", [1, 7])
def test_what_was_confirmed_is_there_after_a_kill(
    tmp_path: Path, start: Callable[..., Victim], wrong: Callable[..., str], turns: int
) -> None:
    path = tmp_path / "s.ktlog"
    victim = start("team", path, file="victims_team.py")
    victim.read(turns)
    victim.kill()
    entries = read(PLUGINS, path)
    assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
    assert len(entries) >= victim.confirmed >= turns
    with SessionReader(path) as reader:
        assert len([turn for turn in reader.turns("coder") if turn.status == "ok"]) >= victim.confirmed
        assert wrong(reader.conversation("coder")) == ""
    assert asyncio.run(keep(path, MessageSent("more", "x"))) == entries
    assert check(path).problems == []
