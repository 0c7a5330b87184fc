"""The tool search_memory, in agents that have a session."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.testing import ScriptedLLM

from .conftest import Write, asked

pytestmark = pytest.mark.anyio


async def told(
    plugins: Plugins, arguments: dict[str, Any], session: Path | None, config: Any = None
) -> tuple[str, Agent]:
    """Return what the tool says in the second turn of an agent, and the agent."""
    llm = ScriptedLLM(["The red owl lives in the oak.", [("search_memory", arguments)], "Found."])
    creature = {"name": "swe", "tools": ["search_memory"], "plugins": {"search": config or {}}}
    options: dict[str, Any] = {} if session is None else {"session": session}
    async with (
        Host(plugins) as host,
        await Agent.build(creature, llm=llm, host=host, unguarded=True, **options) as agent,
    ):
        await agent.run("Where does it live?")
        [call] = (await agent.run("Where did you say?")).tool_calls
        return str(call.error or call.result), agent


async def searched_again(plugins: Plugins, session: Path) -> Any:
    """Return the calls of an agent that searches the session a second time for the same."""
    llm = ScriptedLLM([[("search_memory", {"query": "unicorn"})], "None."])
    async with Host(plugins) as host:
        creature = {"name": "other", "tools": ["search_memory"]}
        async with await Agent.build(creature, llm=llm, host=host, unguarded=True, session=session) as agent:
            return (await agent.run("Once more.")).tool_calls


async def test_it_finds_what_was_said_in_this_session_once(plugins: Plugins, tmp_path: Path) -> None:
    text, agent = await told(plugins, {"query": "red owl"}, tmp_path / "own.ktlog")
    assert text.startswith("- turn 1, ")
    assert text.endswith(", swe assistant: The red owl lives in the oak.")
    assert text.count("\n") == 0
    assert agent.taint == frozenset()


async def test_it_never_finds_its_own_calls(plugins: Plugins, tmp_path: Path) -> None:
    text, _ = await told(plugins, {"query": "unicorn"}, tmp_path / "own.ktlog")
    assert text == "nothing found"
    [call] = await searched_again(plugins, tmp_path / "own.ktlog")
    assert call.result == "nothing found"


async def test_without_a_session_it_says_so(plugins: Plugins) -> None:
    text, _ = await told(plugins, {"query": "owl"}, None)
    assert "this agent has no session" in text


async def test_other_sessions_only_where_that_is_allowed(plugins: Plugins, write: Write, tmp_path: Path) -> None:
    write(asked("a blue owl"), name="other")
    own = tmp_path / "sessions" / "own.ktlog"
    arguments = {"query": "blue owl", "scope": "all"}
    text, agent = await told(plugins, arguments, own)
    assert "other sessions may not be searched" in text
    text, agent = await told(plugins, arguments, own.with_name("again.ktlog"), {"all_sessions": True})
    assert "- other turn 1, " in text
    assert agent.taint == frozenset({"session"})


@pytest.mark.parametrize("arguments", [{"query": "!!"}, {"query": "owl", "limit": 0}, {"query": "owl", "limit": 51}])
async def test_wrong_arguments_are_named(plugins: Plugins, tmp_path: Path, arguments: dict[str, Any]) -> None:
    text, _ = await told(plugins, arguments, tmp_path / "own.ktlog")
    assert "limit must be from 1 to 50" in text or "no letter and no digit" in text
