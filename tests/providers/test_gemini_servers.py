"""The wire over HTTP: against llmock, a server that none of us wrote, and against one that misbehaves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_script import HEAD, answer, ask, error, event
from gemini_script import call, chunk, text
from kt import Agent, Host, ToolCall, tool
from kt.errors import KeyRefused, ProviderDown, TruncatedStream, UnknownModel
from kt.events import LLMRetry, TextDelta
from kt.testing import EventRecorder
from kt_http.provider import WireProvider, endpoint

pytestmark = pytest.mark.anyio

SAMPLES = Path(__file__).parents[1] / "data/gemini"
HELLO = HEAD + event(chunk(text("Hel"))) + event(chunk(text("lo"), finish="STOP"))
OK = {"wire": "gemini", "retry": {"base": 0}}


@tool(effect="read")
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city}: 17 degrees"


@pytest.fixture(scope="module")
def mock() -> Iterator[Any]:
    testing = pytest.importorskip("llmock.testing", reason="install the development dependency llmock")
    with testing.LLMockServer() as server:
        yield server


@pytest.fixture
def foreign(mock: Any) -> Any:
    mock.state.reset()
    return mock


def options(base: str) -> dict[str, Any]:
    return {**OK, "base_url": base + "/v1beta"}


def provider(mock: Any, host: Host) -> WireProvider:
    return endpoint("gemini-2.5-pro", options(mock.base_url("gemini")), host)


async def test_a_foreign_server_streams_text_with_usage(foreign: Any, host: Host) -> None:
    from llmock.scenarios import Reply

    foreign.state.scenarios.add(Reply(text="Hello from a server of somebody else."))
    deltas, message = await ask(provider(foreign, host), "hello")
    assert message.text == "".join(deltas) == "Hello from a server of somebody else."
    assert len(deltas) > 3
    assert (message.finish, message.model, message.usage_raw["totalTokenCount"]) == (
        "stop",
        "gemini-2.5-pro",
        message.usage.total if message.usage else 0,
    )


async def test_a_foreign_server_streams_parallel_calls(foreign: Any, host: Host) -> None:
    from llmock.scenarios import Reply
    from llmock.scenarios import ToolCall as Asked

    foreign.state.scenarios.add(
        Reply(tool_calls=(Asked("weather", {"city": "Oslo"}), Asked("weather", {"city": "Rome"})))
    )
    deltas, message = await ask(provider(foreign, host), "weather?", tools=[weather])
    assert [json.loads(c.args_text) for c in message.tool_calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert [d for d in deltas if isinstance(d, ToolCall)] == message.tool_calls
    assert message.finish == "tool_calls"


async def test_a_foreign_server_lists_its_models(foreign: Any, host: Host) -> None:
    assert "gemini-2.5-pro" in await provider(foreign, host).models()


async def test_an_agent_does_its_work_on_a_foreign_server(foreign: Any) -> None:
    llm = {"provider": "endpoint", "model": "gemini-2.5-pro", **options(foreign.base_url("gemini"))}
    async with await Agent.build({"name": "a", "prompt": "Help."}, llm=llm, tools=[weather]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("What is the weather?")).unwrap()
    assert [c.name for c in result.tool_calls] == ["weather"]
    assert result.tool_calls[0].result.endswith("17 degrees")
    assert "".join(e.text for e in recorder.of(TextDelta)) == result.text != ""
    asked = [r for r in foreign.state.journal.records() if r.provider == "gemini"]
    assert len(asked) == 2


@pytest.mark.parametrize("kind", ["truncate", "disconnect", "malformed"])
async def test_a_stream_that_a_foreign_server_breaks_is_no_answer(foreign: Any, host: Host, kind: Any) -> None:
    from kt.errors import ModelError
    from llmock.scenarios import Reply, StreamFault

    foreign.state.scenarios.add(Reply(text="One two three four five six."))
    foreign.state.scenarios.add(StreamFault(kind, after_chunks=2))
    with pytest.raises(ModelError):
        await ask(provider(foreign, host), "hello")


# Faults


async def test_the_request_goes_to_the_models_own_path(server: Any, host: Host) -> None:
    server.answers = [HELLO]
    made = endpoint("models/gemini-x", options(server.url), host)
    deltas, message = await ask(made)
    assert (deltas, message.text) == (["Hel", "lo"], "Hello")
    assert server.requests[0].path == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    assert server.requests[0].json["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]


async def test_the_key_goes_in_googles_header(server: Any, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_TEST_KEY", "k-1")
    server.answers = [HELLO]
    await ask(endpoint("gemini-x", {**options(server.url), "key_env": "GEMINI_TEST_KEY"}, host))
    assert server.requests[0].headers["x-goog-api-key"] == "k-1"
    assert "authorization" not in server.requests[0].headers


async def test_a_cut_stream_is_tried_again_before_a_delta_and_no_answer_after(server: Any, host: Host) -> None:
    empty = HEAD + event({"usageMetadata": {"trafficType": "ON_DEMAND"}})
    server.answers = [empty, HELLO]
    deltas, message = await ask(endpoint("gemini-x", options(server.url), host))
    assert isinstance(deltas[0], LLMRetry)
    assert message.text == "Hello"
    server.answers = [HEAD + event(chunk(text("Hel")))]
    with pytest.raises(TruncatedStream):
        await ask(endpoint("gemini-x", options(server.url), host))


async def test_a_body_that_is_a_list_is_an_answer_too(server: Any, host: Host) -> None:
    case = json.loads((SAMPLES / "llm-gemini__test-tools__0.json").read_text())
    server.answers = [answer(200, case["response"]["body"].encode())]
    _, message = await ask(endpoint("gemini-x", options(server.url), host))
    assert [c.name for c in message.tool_calls] == ["pelican_name_generator"]


async def test_errors_of_the_service_are_typed(server: Any, host: Host) -> None:
    wrong = error("API key not valid.", code=403, status="PERMISSION_DENIED")
    lost = error("models/gemini-x is not found for API version v1beta", code=404, status="NOT_FOUND")
    for body, status, kind in ((wrong, 403, KeyRefused), (lost, 404, UnknownModel)):
        server.answers = [answer(status, body)]
        with pytest.raises(kind):
            await ask(endpoint("gemini-x", options(server.url), host))
    inside = event({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})
    server.answers = [HEAD + event(chunk(text("Hel"))) + inside]
    with pytest.raises(ProviderDown, match="overloaded"):
        await ask(endpoint("gemini-x", options(server.url), host))
    server.answers = [HEAD + inside, HELLO]
    deltas, message = await ask(endpoint("gemini-x", options(server.url), host))
    assert (type(deltas[0]), message.text) == (LLMRetry, "Hello")


async def test_results_of_parallel_calls_come_back_in_one_content(server: Any) -> None:
    signed = {**call("weather", {"city": "Oslo"}, id="fc-1"), "thoughtSignature": "S=="}
    asked = [signed, call("weather", {"city": "Rome"})]
    server.answers = [HEAD + event(chunk(asked[0])) + event(chunk(asked[1], finish="STOP")), HELLO]
    llm = {"provider": "endpoint", "model": "gemini-x", **options(server.url)}
    async with await Agent.build({"name": "a"}, llm=llm, tools=[weather]) as agent:
        (await agent.run("Weather?")).unwrap()
    model, results = server.requests[1].json["contents"][-2:]
    assert model == {"role": "model", "parts": asked}
    assert results == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "fc-1", "name": "weather", "response": {"output": "Oslo: 17 degrees"}}},
            {"functionResponse": {"name": "weather", "response": {"output": "Rome: 17 degrees"}}},
        ],
    }
