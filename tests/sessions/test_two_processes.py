"""One session and several that want it: one writer, any number of readers, and no way around the lock."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Message, SessionReader
from kt.errors import KTError
from kt.testing import ScriptedLLM
from kt_sessions.check import check
from kt_sessions.errors import SessionLocked
from kt_sessions.lock import Mark, SessionLock, read_head
from kt_sessions.service import Sessions

pytestmark = pytest.mark.anyio


async def agent_of(path: Path, name: str = "victim", **options: Any) -> Agent:
    """Return an agent that has started on a session."""
    agent = await Agent.build({"name": name}, llm=ScriptedLLM(lambda request: "ok"), session=path, **options)
    await agent.start()
    return agent


def questions(path: Path, stream: int | str | None = None) -> list[str]:
    with SessionReader(path) as reader:
        return [m.text for m in reader.conversation(stream) if m.role == "user"]


async def test_the_second_opener_hears_which_process_writes(start: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    first = start("hold", path)
    first.until("OPEN")
    with pytest.raises(SessionLocked, match=rf"process {first.process.pid}\b") as refused:
        await agent_of(path)
    assert refused.value.exit_code == 75
    assert "read" in refused.value.hint
    first.tell("still mine")
    first.until("ACK")
    assert first.ended() == 0
    agent = await agent_of(path)
    assert [m.text for m in agent.history] == ["still mine", "yes"]
    await agent.stop()


async def test_the_second_opener_is_refused_in_the_same_process_too(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    agent = await agent_of(path)
    with pytest.raises(SessionLocked):
        await agent_of(path)
    await agent.run("goes on")
    await agent.stop()
    assert questions(path) == ["goes on"]


async def test_a_mark_from_before_the_first_event_is_one_too(tmp_path: Path) -> None:
    (tmp_path / "s.ktlog").touch()
    lock = SessionLock(tmp_path / "s.ktlog")
    lock.mark(0, b"", "uid")
    assert read_head(tmp_path / "s.ktlog") == Mark(0, b"", "uid")
    with pytest.raises(SessionLocked, match=rf"process {os.getpid()}\b"):
        SessionLock(tmp_path / "s.ktlog")
    lock.release(clean=True)


async def test_after_a_kill_the_next_may_open_at_once(start: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    for number in range(3):
        victim = start("hold", path)
        victim.until("OPEN")
        victim.tell(f"question {number}")
        victim.until("ACK")
        victim.kill()
        assert path.with_name("s.ktlog-head").exists()
    agent = await agent_of(path)
    assert [m.text for m in agent.history if m.role == "user"] == [f"question {n}" for n in range(3)]
    await agent.stop()
    assert not path.with_name("s.ktlog-head").exists()


async def test_what_an_aborted_opener_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    path.with_name("s.ktlog-head").touch()
    agent = await agent_of(path)
    await agent.run("hello")
    await agent.stop()
    path.with_name("s.ktlog-head").touch()
    agent = await agent_of(path)
    await agent.run("again")
    await agent.stop()
    assert questions(path) == ["hello", "again"]


async def test_a_reader_sees_a_prefix_that_grows(
    start: Any, wrong: Callable[[list[Message]], str], tmp_path: Path
) -> None:
    path = tmp_path / "s.ktlog"
    writer = start("busy", path, tmp_path / "effects", 5, 1000)
    writer.until("ACK")
    seen: list[Any] = []
    with SessionReader(path) as reader:
        for _ in range(25):
            writer.until("ACK")
            events = list(reader.events())
            assert events[: len(seen)] == seen
            assert len(events) >= writer.confirmed
            history = reader.conversation()
            assert wrong(history[:-1] if history[-1].tool_calls else history) == ""
            seen = events
            with SessionReader(path) as other:
                assert other.last >= len(seen)
    writer.kill()
    with SessionReader(path) as reader:
        assert list(reader.events())[: len(seen)] == seen


async def test_a_reader_in_the_middle_keeps_nobody_from_ending_a_session(start: Any, tmp_path: Path) -> None:
    path, alone = tmp_path / "s.ktlog", tmp_path / "alone.ktlog"
    writer = start("hold", path)
    writer.until("OPEN")
    writer.tell("first")
    writer.until("ACK")
    with SessionReader(path) as reader:
        events = reader.events()
        before = next(events)
        assert writer.ended() == 0
        assert before.seq == 1
        assert [event.seq for event in events] == list(range(2, writer.confirmed + 1))
    agent = await agent_of(path)
    await agent.run("second")
    await agent.stop()
    alone.write_bytes(path.read_bytes())
    assert questions(alone) == ["first", "second"]


async def test_a_session_is_read_through_a_link_while_it_is_written(start: Any, tmp_path: Path) -> None:
    path, link = tmp_path / "s.ktlog", tmp_path / "link.ktlog"
    link.symlink_to(path)
    writer = start("hold", path)
    writer.until("OPEN")
    writer.tell("hello")
    writer.until("ACK")
    assert questions(link) == ["hello"]
    assert check(link).problems == []


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("kind", ["symbolic", "hard"])
async def test_a_link_is_no_way_around_the_lock(start: Any, tmp_path: Path, kind: str, turns: int) -> None:
    path, folder = tmp_path / "s.ktlog", tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "link.ktlog"
    writer = start("hold", path)
    writer.until("OPEN")
    for number in range(turns):
        writer.tell(f"question {number}")
        writer.until("ACK")
    if kind == "hard":
        os.link(path, link)
    else:
        link.symlink_to(path)
    with pytest.raises(KTError) as refused:
        await agent_of(link)
    assert refused.value.exit_code in (75, 65)
    writer.tell("the last")
    writer.until("ACK")
    assert writer.ended() == 0
    assert questions(path)[-1] == "the last"


async def test_a_refused_opener_does_not_take_the_locks_of_sqlite_away(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops the process's own POSIX locks, and SQLite's are such."""
    path = tmp_path / "s.ktlog"
    agent = await agent_of(path)
    await agent.run("first")
    with pytest.raises(SessionLocked):
        await agent_of(path)
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('select 1 from meta'); c.close()"
    process = await asyncio.create_subprocess_exec("python3", "-c", program, str(path))
    assert await process.wait() == 0
    await agent.run("second")
    await agent.durable()
    assert questions(path) == ["first", "second"]
    await agent.stop()


async def test_a_session_whose_lock_was_removed_has_no_second_writer(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    agent = await agent_of(path)
    await agent.run("mine")
    path.with_name("s.ktlog-head").unlink()
    with pytest.raises(KTError):
        await agent_of(path)
    assert (await agent.run("and now?")).exit_code == 75
    with pytest.raises(SessionLocked):
        await agent.stop()
    assert questions_of_tables(path) == 1


async def test_who_lost_the_lock_before_the_first_event_writes_none(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await (await agent_of(path)).stop()
    host = Host()
    first = await Sessions.of(host).open(path)
    path.with_name("s.ktlog-head").unlink()
    second = await agent_of(path)
    assert (await second.run("from the second")).ok
    Sessions.of(host).writer.append(first, ("delete from event", ()))
    with pytest.raises(SessionLocked):
        await Sessions.of(host).writer.sync(first)
    await second.stop()
    await host.close()
    assert check(path).problems == []
    assert questions(path) == ["from the second"]


def questions_of_tables(path: Path) -> int:
    """Return how many turns the tables hold; the mark that a reader wants is gone."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("select count(*) from event where kind = 'turn_started'").fetchone()[0])


async def test_two_agents_of_one_host_that_open_a_session_together_have_streams_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    for _ in range(2):
        async with Host() as host:
            agents = await asyncio.gather(agent_of(path, "a", host=host), agent_of(path, "b", host=host))
            for agent in agents:
                assert (await agent.run(f"to {agent.name}")).error is None
            for agent in agents:
                await agent.stop()
    assert questions(path, "a") == ["to a", "to a"]
    assert questions(path, "b") == ["to b", "to b"]


async def test_two_agents_with_one_name_do_not_write_one_conversation(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        first = await agent_of(path, "twin", host=host)
        await first.run("to the first")
        try:
            second = await agent_of(path, "twin", host=host)
        except KTError:
            pass
        else:
            await second.run("to the second")
            await second.stop()
        await first.run("to the first again")
        history = list(first.history)
        await first.stop()
    with SessionReader(path) as reader:
        assert history in [reader.conversation(info.id) for info in reader.streams]


async def test_more_sessions_than_connections_stay_open(tmp_path: Path) -> None:
    async with Host() as host:
        agents = [await agent_of(tmp_path / f"{n}.ktlog", host=host) for n in range(70)]
        for turn in ("one", "two"):
            for agent in agents:
                assert (await agent.run(turn)).error is None
        for agent in agents:
            await agent.stop()
    assert {tuple(questions(tmp_path / f"{n}.ktlog")) for n in range(70)} == {("one", "two")}
