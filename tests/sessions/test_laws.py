"""Whatever is said and edited, the conversation that is read from a session is the one that was."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt import (
    Agent,
    Media,
    Message,
    Opaque,
    ProviderItem,
    Refusal,
    SessionReader,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from kt.testing import ScriptedLLM
from kt_sessions.check import check

pytestmark = pytest.mark.anyio

CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from('\ud800\0\u202e\ufeff😀$"\\\x7f')
WORDS = st.text(CHARACTERS, max_size=12)
NAMES = st.text(string.ascii_letters, min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.just("$ref"), inner, max_size=3),
    max_leaves=6,
)
TEXTS = WORDS | st.sampled_from(["long 東京 " * 2000, "x" * 40_000, "\ud800" * 9000, "é" * 33_000])
BYTES = st.binary(max_size=20) | st.just(bytes(range(256)) * 300)
BASE: dict[str, Any] = {
    "origin": st.sampled_from(["", "web", "mcp:a"]),
    "cache": st.none() | st.just("5m"),
    "x": st.none() | st.dictionaries(WORDS, JSON, max_size=2),
}
LEAVES = (
    st.builds(Text, TEXTS, citations=st.lists(JSON, max_size=2).map(tuple), **BASE)
    | st.builds(Media, NAMES, data=st.none() | BYTES, url=st.none() | WORDS, name=WORDS, **BASE)
    | st.builds(Refusal, WORDS, **BASE)
    | st.builds(Opaque, NAMES, JSON, **BASE)
)
PARTS: st.SearchStrategy[Any] = (
    LEAVES
    | st.builds(Thinking, TEXTS, signature=st.none() | WORDS, encrypted=st.none() | WORDS, redacted=st.booleans())
    | st.builds(ToolCall, NAMES, NAMES, WORDS | st.sampled_from(["", "{}", '{"a": NaN}', "[1]", '{"a"', '{"a": 1}']))
    | st.builds(ToolResult, NAMES, st.lists(LEAVES, max_size=3), is_error=st.booleans(), name=WORDS, **BASE)
    | st.builds(ProviderItem, NAMES, WORDS, JSON, **BASE)
)
COUNT = st.integers(0, 10**9)
USAGE = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, cost=st.none() | st.floats(0, 9))
MESSAGES = st.builds(
    Message,
    st.sampled_from(["user", "assistant", "tool", "system"]),
    st.lists(PARTS, max_size=4),
    id=WORDS,
    model=WORDS,
    finish=NAMES,
    usage=st.none() | USAGE,
    usage_raw=JSON,
    seconds=st.floats(0, 9),
    x=st.none() | st.dictionaries(WORDS, JSON, max_size=2),
)
EDIT = st.tuples(st.floats(0, 1), st.floats(0, 1), st.lists(MESSAGES, max_size=3))
STEPS = st.lists(MESSAGES | MESSAGES.map(lambda message: [message, message]) | EDIT, min_size=1, max_size=8)


def apply(agent: Agent, step: Any) -> None:
    """Add a message, the same message twice, or put some in the place of others."""
    if isinstance(step, Message):
        agent.add(step)
    elif isinstance(step, list):
        for message in step:
            agent.add(message)
    else:
        size = len(agent.history)
        start, stop = sorted(round(place * size) for place in step[:2])
        agent.edit_history(start, stop, list(step[2]), by="test")


def exact(history: list[Message]) -> list[str]:
    """Return messages as text that tells 1 from 1.0 and True, without the arguments of calls, which may be parsed."""
    for message in history:
        for call in message.tool_calls:
            call.arguments = None
    return [repr(message) for message in history]


async def test_the_two_halves_of_a_character_stay_two(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["yes"]), session=path) as agent:
        await agent.run("\ud83d\ude00")
    with SessionReader(path) as reader:
        assert reader.conversation()[0].text == "\ud83d\ude00"


async def test_messages_that_only_python_calls_equal_are_two(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM([]), session=path) as agent:
        for value in (1, True, 1.0, 0.0, -0.0):
            agent.add(Message("user", [Text("same")], usage_raw=value))
        live = exact(list(agent.history))
    with SessionReader(path) as reader:
        assert exact(reader.conversation()) == live


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
async def test_the_conversation_that_is_read_is_the_one_that_was(steps: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.ktlog"
        async with await Agent.build({"name": "test"}, llm=ScriptedLLM([]), session=path) as agent:
            for step in steps:
                apply(agent, step)
            await agent.durable()
            live = exact(list(agent.history))
            with SessionReader(path) as reader:
                assert exact(reader.conversation()) == live
        assert check(path).problems == []
        async with await Agent.build({"name": "test"}, llm=ScriptedLLM([]), session=path) as again:
            assert exact(list(again.history)) == live
