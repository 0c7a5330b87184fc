"""The input file: lines, the whole, and what is added while the agent runs."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host
from kt.errors import ConfigError, NotFound
from kt.events import PluginFailed, TurnEnded
from kt.testing import EventRecorder, ScriptedLLM, VirtualClock
from kt_io.events import InputEnded

from .conftest import echo, open_files

pytestmark = pytest.mark.anyio


async def said(tmp_path: Path, **settings: Any) -> list[str]:
    """Return what the turns of a file are, up to its end."""
    llm = ScriptedLLM(echo)
    agent = await Agent.build({}, llm=llm, pwd=tmp_path, input={"name": "file", **settings})
    async with agent, agent.bus.stream(InputEnded) as ended:
        await anext(ended)
        assert agent.taint <= {"file"}
    return [request.messages[-1].text for request in llm.requests]


async def test_lines_and_the_whole(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"one\r\n\ntw\xff\nthree")
    assert await said(tmp_path, path="in") == ["one", "tw�", "three"]
    assert await said(tmp_path, path=str(tmp_path / "in"), prefix="do: ") == ["do: one", "do: tw�", "do: three"]
    assert await said(tmp_path, path="in", format="whole") == ["one\r\n\ntw�\nthree"]
    (tmp_path / "in").write_bytes(b"")
    assert await said(tmp_path, path="in", format="whole") == []


async def test_what_it_says_taints(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("one\n")
    agent = await Agent.build({}, llm=ScriptedLLM(echo), pwd=tmp_path, input={"name": "file", "path": "in"})
    async with agent, agent.bus.stream(TurnEnded) as ended:
        await anext(ended)
        assert agent.taint == {"file"}


async def test_a_file_that_is_none_is_an_error_at_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for settings, kind, text in (
        ({"path": "missing"}, NotFound, "no file"),
        ({"path": "."}, ConfigError, "no regular file"),
        ({"path": "pipe"}, ConfigError, "no regular file"),
        ({"path": "pipe/below"}, ConfigError, "can't read"),
        ({"path": "x", "follow": True, "format": "whole"}, ConfigError, "only lines"),
        ({"path": "x", "interval": 0}, ConfigError, "more than 0"),
        ({"path": "x", "format": "words"}, ConfigError, "format"),
        ({"path": "x", "folow": True}, ConfigError, "no setting 'folow'"),
    ):
        agent = await Agent.build({}, llm=ScriptedLLM([]), pwd=tmp_path, input={"name": "file", **settings})
        with pytest.raises(kind, match=text):
            await agent.start()


async def test_a_text_that_is_too_long_ends_the_input(tmp_path: Path) -> None:
    with (tmp_path / "in").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    for format in ("whole", "lines"):
        input = {"name": "file", "path": "in", "format": format}
        agent = await Agent.build({}, llm=ScriptedLLM([]), pwd=tmp_path, input=input)
        recorder = EventRecorder(agent)
        async with agent, agent.bus.stream(InputEnded) as ended:
            await anext(ended)
        assert "longer than" in recorder.of(PluginFailed)[0].error


async def test_the_end_of_the_agent_is_not_the_inputs(tmp_path: Path, held: Any) -> None:
    (tmp_path / "in").write_text("one\ntwo\nthree\n")
    agent = await Agent.build({}, llm=held, pwd=tmp_path, input={"name": "file", "path": "in"})
    recorder = EventRecorder(agent)
    async with agent:
        await held.asked.wait()
    assert [event.result.status for event in recorder.of(TurnEnded)] == ["cancelled"]
    assert not recorder.of(InputEnded)
    assert not recorder.of(PluginFailed)
    assert not agent.has_input


async def test_an_interrupted_turn_is_followed_by_the_next(tmp_path: Path, held: Any) -> None:
    (tmp_path / "in").write_text("one\ntwo\n")
    agent = await Agent.build({}, llm=held, pwd=tmp_path, input={"name": "file", "path": "in"})
    async with agent, agent.bus.stream(TurnEnded) as ended:
        await held.asked.wait()
        agent.interrupt()
        held.go.set()
        assert [(await anext(ended)).result.text for _ in range(2)] == ["", "You said two."]


class Following:
    """An agent that follows a file, on a clock that the test moves."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock, self.folder = VirtualClock(), folder
        self.llm = ScriptedLLM(echo)
        self.input = {"name": "file", "path": "log", "follow": True, **settings}

    async def run(self, *steps: Any) -> list[str]:
        """Do each step, wait for what it says comes of it, and return what was asked in all."""
        async with Host(clock=self.clock) as host:
            agent = await Agent.build({}, llm=self.llm, pwd=self.folder, host=host, input=self.input)
            async with agent, agent.bus.stream(TurnEnded) as ended:
                for step, turns in steps:
                    await self.settle()
                    step(self.folder / "log")
                    for _ in range(turns):
                        await self.next_turn(ended)
                await self.settle()
        return [request.messages[-1].text for request in self.llm.requests]

    async def next_turn(self, ended: Any) -> None:
        turn = asyncio.ensure_future(anext(ended))
        while not turn.done():
            await self.clock.advance(1)
            await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Let the file be looked at, twice at least."""
        for _ in range(5):
            await self.clock.advance(1)
            await asyncio.sleep(0.005)


def add(text: str) -> Any:
    def step(log: Path) -> None:
        with log.open("a") as file:
            file.write(text)

    return step


def rotate(log: Path) -> None:
    add("last\nunfinished")(log)
    log.rename(log.with_name("log.1"))
    log.write_text("of the new one\n")


async def test_what_is_added_is_a_turn_once_its_line_is_whole(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    following = Following(tmp_path)
    assert await following.run((add("on"), 0), (add("e\ntwo\nth"), 2), (add("ree\n"), 1)) == ["one", "two", "three"]


async def test_what_is_there_is_taken_if_asked_for(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    following = Following(tmp_path, backlog=True)
    assert await following.run((lambda _: None, 1), (add("new\n"), 1)) == ["old", "new"]


async def test_a_file_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    assert await Following(tmp_path).run((add("one\n"), 1), (add("two\n"), 1)) == ["one", "two"]


async def test_rotation_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    following = Following(tmp_path)
    steps = (add("first\n"), 1), (rotate, 3), (add("more\n"), 1)
    assert await following.run(*steps) == ["first", "last", "unfinished", "of the new one", "more"]


async def test_a_file_that_is_away_for_a_while_is_taken_up_again(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    following = Following(tmp_path)
    steps = (add("one\n"), 1), (Path.unlink, 0), (add("two\n"), 1)
    assert await following.run(*steps) == ["one", "two"]


async def test_an_emptied_file_is_read_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a long line that is old\n")
    following = Following(tmp_path)
    steps = (lambda log: log.write_text(""), 0), (add("new\n"), 1)
    assert await following.run(*steps) == ["new"]


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    before, open_before = asyncio.all_tasks(), open_files()
    await Following(tmp_path).run((add("one\n"), 1), (rotate, 3))
    assert asyncio.all_tasks() == before
    assert open_files() == open_before
