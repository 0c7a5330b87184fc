"""A second opinion: @copilotkit/aimock, a server in another language, over each wire and from wire to wire.

Needs node: `npm install @copilotkit/aimock`, and AIMOCK, the path of its command `llmock`. Run with -m slow.
"""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Thinking
from kt.events import ThinkingDelta
from kt.testing import EventRecorder

COMMAND = os.environ.get("AIMOCK") or shutil.which("aimock-llmock") or ""
pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.skipif(not COMMAND, reason="AIMOCK is not set")]
WIRES = {
    "chat": ("/v1", "o3-mini"),
    "responses": ("/v1", "o3-mini"),
    "anthropic": ("/v1", "claude-opus-4-5"),
    "gemini": ("/v1beta", "gemini-2.5-pro"),
}
CALLS = [{"name": "add", "arguments": {"a": 2, "b": 3}}, {"name": "add", "arguments": {"a": 4, "b": 5}}]
FIXTURES = [
    {"match": {"userMessage": "sum", "hasToolResult": False}, "response": {"reasoning": "Add.", "toolCalls": CALLS}},
    {"match": {"userMessage": "sum", "hasToolResult": True}, "response": {"content": "They are 5 and 9."}},
    {"match": {"userMessage": "think"}, "response": {"reasoning": "Let me see.", "content": "I see."}},
]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture
async def aimock(tmp_path: Path) -> AsyncIterator[str]:
    """Yield the address of a server that plays the fixtures."""
    (tmp_path / "all.json").write_text(json.dumps({"fixtures": FIXTURES}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        COMMAND, "-p", str(port), "-f", str(tmp_path), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def model(address: str, wire: str) -> dict[str, Any]:
    base, name = WIRES[wire]
    return {"provider": "endpoint", "wire": wire, "base_url": address + base, "model": name, "key_env": "KEY"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "test-key")


@pytest.mark.parametrize("wire", WIRES)
async def test_thinking_and_parallel_calls(wire: str, aimock: str) -> None:
    async with Host() as host, await Agent.build({}, llm=model(aimock, wire), tools=[add], host=host) as agent:
        events = EventRecorder(agent)
        thought = (await agent.run("think about it")).unwrap()
        assert thought.text == "I see."
        assert "".join(e.text for e in events.of(ThinkingDelta)) == "Let me see."
        assert [p.text for p in agent.history[1].parts if isinstance(p, Thinking)] == ["Let me see."]
        result = (await agent.run("sum them")).unwrap()
        assert [(c.arguments, c.result) for c in result.tool_calls] == [
            ({"a": 2, "b": 3}, "5"), ({"a": 4, "b": 5}, "9")
        ]  # fmt: skip
        assert result.text == "They are 5 and 9."


@pytest.mark.parametrize("first", WIRES)
@pytest.mark.parametrize("second", WIRES)
async def test_a_conversation_moves_from_wire_to_wire(first: str, second: str, aimock: str) -> None:
    async with Host() as host:
        async with await Agent.build({}, llm=model(aimock, first), tools=[add], host=host) as agent:
            (await agent.run("think about it")).unwrap()
            (await agent.run("sum them")).unwrap()
            history = list(agent.history)
        async with await Agent.build({}, llm=model(aimock, second), tools=[add], host=host) as agent:
            for message in history:
                agent.add(message)
            assert (await agent.run("think about it")).unwrap().text == "I see."
            assert len(agent.history) == len(history) + 2
