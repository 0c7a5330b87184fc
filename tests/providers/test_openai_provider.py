"""The providers end to end, alone and in an agent: answers, tools, retries as events."""

import json
from typing import Any

import pytest
from chat_script import BUSY, DONE, HEAD, HEL, HELLO, STOP, USAGE, answer, ask, delta, event, made
from kt import Agent, Host, Text, Thinking, tool
from kt.errors import ProviderDown
from kt.events import LLMRetry, TextDelta, TurnEnded
from kt.testing import EventRecorder

pytestmark = pytest.mark.anyio


async def test_an_answer_streams_and_ends_in_its_message(server: Any, host: Host) -> None:
    server.answers = [HELLO]
    deltas, message = await ask(made(server, host))
    assert deltas == ["Hel", "lo"]
    assert (message.text, message.finish, message.model, message.wire) == ("Hello", "stop", "m-1", "chat")
    assert message.usage is not None
    assert (message.usage.input, message.usage.output) == (7, 2)
    request = server.requests[0]
    assert (request.method, request.path, request.json["model"]) == ("POST", "/v1/chat/completions", "m")
    assert "authorization" not in request.headers


async def test_answers_come_over_one_connection(server: Any, host: Host) -> None:
    body = HEL + STOP + DONE
    server.answers = [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    ]
    provider, other = made(server, host), made(server, host)
    for one in (provider, provider, other):
        await ask(one)
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_a_whole_json_body_is_accepted_from_a_server_that_does_not_stream(server: Any, host: Host) -> None:
    said = {"role": "assistant", "content": "Hello", "reasoning": "hm"}
    body = {"id": "c1", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}], "usage": USAGE["usage"]}
    server.answers = [answer(200, json.dumps(body).encode())]
    deltas, message = await ask(made(server, host))
    assert deltas[-1:] == ["Hello"] or deltas[:1] == ["Hello"]
    assert [type(p) for p in message.parts] == [Thinking, Text]


async def test_a_stream_that_does_not_say_what_it_is_is_read_as_one(server: Any, host: Host) -> None:
    server.answers = [answer(200, HEL + STOP, "application/octet-stream")]
    assert (await ask(made(server, host)))[1].text == "Hel"


# Agents


@tool(effect="read")
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


async def test_an_agent_calls_tools_and_answers(server: Any) -> None:
    calls = [
        {
            "index": i,
            "id": f"c{i}",
            "type": "function",
            "function": {"name": "add", "arguments": json.dumps({"a": i, "b": 1})},
        }
        for i in range(2)
    ]
    first = (
        HEAD + b"".join(event(delta(tool_calls=[c])) for c in calls) + event(delta("tool_calls")) + event(USAGE) + DONE
    )
    server.answers = [first, HELLO]
    llm = {"provider": "openai-compat", "base_url": server.url, "model": "m", "settings": {"temperature": 0}}
    async with await Agent.build({"name": "a"}, llm=llm, tools=[add]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("add")).unwrap()
    assert (result.text, result.usage.input, result.usage.output) == ("Hello", 14, 4)
    assert [(c.name, c.arguments, c.result) for c in result.tool_calls] == [
        ("add", {"a": 0, "b": 1}, "1"),
        ("add", {"a": 1, "b": 1}, "2"),
    ]
    assert [e.text for e in recorder.of(TextDelta)] == ["Hel", "lo"]
    sent = server.requests[1].json
    assert sent["temperature"] == 0
    assert [(m["role"], m.get("tool_call_id"), m.get("content")) for m in sent["messages"][1:]] == [
        ("assistant", None, None),
        ("tool", "c0", "1"),
        ("tool", "c1", "2"),
    ]


async def test_a_retry_is_an_event_of_the_agent_and_a_failure_is_its_result(server: Any) -> None:
    server.answers = [BUSY]
    llm = {"base_url": server.url, "model": "m", "retry": {"base": 0, "attempts": 2}}
    async with await Agent.build({"name": "a"}, llm=llm) as agent:
        recorder = EventRecorder(agent)
        result = await agent.run("hi")
    assert isinstance(result.error, ProviderDown)
    assert [e.attempt for e in recorder.of(LLMRetry)] == [2]
    assert isinstance(recorder.events[-2], TurnEnded)


async def test_leaving_a_turn_closes_the_socket(server: Any) -> None:
    server.answers = [lambda peer: server.stall(peer, HEAD, HEL)]
    async with await Agent.build({"name": "a"}, llm={"base_url": server.url, "model": "m"}) as agent:
        async for happened in agent.run_stream("hi"):
            if isinstance(happened, TextDelta):
                break
        await server.left.wait()
