"""The conversation without a screen: what a typed line does, what waits, another session."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.testing import ScriptedLLM
from kt_chat.chat import Chat
from kt_chat.items import Answer, Call, Item, Note, Said

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def talking(steps: list[Any], pwd: Path, **options: Any) -> AsyncIterator[tuple[Chat, list[Item]]]:
    seen: list[Item] = []
    plugins = Plugins()

    async def build(*, session: str | None = None) -> Agent:
        given = options if session is None else {**options, "session": session or False}
        creature = {"name": "talker", "tools": ["read", "bash"]}
        return await Agent.build(creature, llm=ScriptedLLM(steps), host=Host(plugins), pwd=pwd, unguarded=True, **given)

    async with Chat(build, seen.append) as chat:
        yield chat, seen


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.01)


def texts(chat: Chat, kind: type[Any]) -> list[str]:
    return [item.text for item in chat.transcript.items if isinstance(item, kind)]


async def test_a_line_is_a_turn(tmp_path: Path) -> None:
    async with talking(["Hello."], tmp_path) as (chat, seen):
        await chat.enter("hi")
        await until(lambda: "Hello." in texts(chat, Answer) and not chat.busy)
        assert texts(chat, Said) == ["hi"]
        assert seen
        assert (chat.spent.up > 0, chat.spent.down > 0) == (True, True)


async def test_what_the_shell_says_goes_along_with_the_next_words(tmp_path: Path) -> None:
    async with talking(["I see."], tmp_path) as (chat, _):
        await chat.enter("!echo from the shell; exit 3")
        await until(lambda: not chat.busy)
        (call,) = [item for item in chat.transcript.items if isinstance(item, Call)]
        assert (call.name, call.state, call.output) == ("!", "failed", "from the shell\n")
        await chat.enter("what was that?")
        await until(lambda: "I see." in texts(chat, Answer))
        assert "from the shell" in chat.agent.history[0].text
        assert texts(chat, Said) == ["what was that? (+1)"]


async def test_an_interrupt_ends_the_shell(tmp_path: Path) -> None:
    async with talking([], tmp_path) as (chat, _):
        await chat.enter("!sleep 1000")
        await until(lambda: any(isinstance(item, Call) for item in chat.transcript.items))
        assert chat.interrupt()
        await until(lambda: not chat.busy)
        (call,) = [item for item in chat.transcript.items if isinstance(item, Call)]
        assert call.state == "cancelled"


async def test_what_waits_can_be_taken_back(tmp_path: Path) -> None:
    steps = [[("bash", {"command": "until [ -e go ]; do sleep 0.02; done"})], "Done.", "And this."]
    async with talking(steps, tmp_path) as (chat, _):
        await chat.enter("work")
        await until(lambda: any(isinstance(i, Call) for i in chat.transcript.items))
        await chat.enter("first later")
        await chat.enter("second later")
        assert [p.message.text for p in chat.waiting] == ["first later", "second later"]
        assert chat.take_back() == "second later"
        (tmp_path / "go").write_text("")
        await until(lambda: "And this." in texts(chat, Answer))
        assert texts(chat, Said) == ["work", "first later"]
        assert chat.take_back() is None


async def test_a_fresh_session_and_back(tmp_path: Path) -> None:
    first = str(tmp_path / "first.ktlog")
    async with talking(["One."], tmp_path, session=first) as (chat, _):
        await chat.enter("remember")
        await until(lambda: "One." in texts(chat, Answer) and not chat.busy)
        await chat.enter("/clear")
        assert chat.agent.history == []
        await chat.switch(first)
        assert [m.text for m in chat.agent.history] == ["remember", "One."]


async def test_what_is_wrong_is_a_note(tmp_path: Path) -> None:
    async with talking([], tmp_path) as (chat, _):
        await chat.enter("/nonsense")
        await chat.enter("/copy")
        await chat.enter("/model nobody/nothing")
        notes = [item for item in chat.transcript.items if isinstance(item, Note)]
        assert [note.level for note in notes] == ["error", "info", "error"]
        assert "no command /nonsense" in notes[0].text


async def test_the_servers_of_a_project_are_named(tmp_path: Path) -> None:
    async with talking([], tmp_path) as (chat, _):
        await chat.enter("/mcp")
        (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": {"files": {"command": "serve"}}}))
        await chat.enter("/mcp")
        (tmp_path / ".mcp.json").write_text("{")
        await chat.enter("/mcp")
        first, second, third = texts(chat, Note)
        assert first == "no .mcp.json names an MCP server here"
        assert second.startswith("files  serve\n")
        assert "can't be read" in third
