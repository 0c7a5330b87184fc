"""The providers end to end over a server that misbehaves: options, retries, errors, cancellation, agents."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest
from kt import Agent, Host, Message, Request, Text, Thinking, ToolCall, tool
from kt.errors import (
    ConfigError,
    ContextTooLong,
    KeyRefused,
    KTError,
    ModelError,
    ProviderDown,
    TruncatedStream,
    UnknownModel,
)
from kt.events import LLMRetry, TextDelta, TurnEnded
from kt.testing import EventRecorder, VirtualClock
from kt_http import kt_host_lifespan
from kt_http.transport import Clocks
from kt_openai.provider import ChatProvider, compatible, openai

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"
AT_ONCE = {"retry": {"base": 0}}
QUICK = {"clocks": {"connect": 2, "first_byte": 0.3, "between": 0.3}}


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def answer(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def error(message: str, **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}}
HEL, LO, STOP = event(chunk(content="Hel")), event(chunk(content="lo")), event(chunk("stop"))
HELLO = HEAD + HEL + LO + STOP + event(USAGE) + DONE
BUSY = answer(503, error("busy"))


def made(server: Any, host: Host, **options: Any) -> ChatProvider:
    return compatible("m", {"base_url": server.url + "/v1", **AT_ONCE, **options}, host)


async def ask(provider: ChatProvider, text: str = "hi") -> tuple[list[Any], Message]:
    items: list[Any] = [item async for item in provider.stream(Request([Message("user", [Text(text)])]))]
    assert isinstance(items[-1], Message)
    return items[:-1], items[-1]


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


# Retries


async def test_a_busy_service_is_asked_again_and_each_wait_is_told(server: Any, host: Host) -> None:
    server.answers = [BUSY, answer(429, error("slow down"), retry_after="0"), HELLO]
    deltas, message = await ask(made(server, host))
    assert [(d.attempt, d.reason) for d in deltas if isinstance(d, LLMRetry)] == [
        (2, "HTTP 503: busy"),
        (3, "HTTP 429: slow down"),
    ]
    assert message.text == "Hello"


async def test_the_wait_the_service_asks_for_is_waited_on_the_hosts_clock(server: Any) -> None:
    server.answers = [answer(429, error("slow down"), retry_after="7"), HELLO]
    clock = VirtualClock()
    async with Host(clock=clock) as host, kt_host_lifespan(host):
        stream = made(server, host).stream(Request([Message("user", [Text("hi")])]))
        retry = await anext(stream)
        assert isinstance(retry, LLMRetry)
        assert retry.wait == 7.0
        following = asyncio.ensure_future(anext(stream))
        await clock.advance(6.9)
        assert len(server.requests) == 1
        await clock.advance(0.2)
        assert await following == "Hel"
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_service_that_stays_down_is_given_up_with_the_tries_and_the_time(server: Any, host: Host) -> None:
    server.answers = [BUSY]
    with pytest.raises(ProviderDown, match=r"HTTP 503: busy; gave up after 4 attempts and 0\.0 s") as caught:
        await ask(made(server, host))
    assert caught.value.exit_code == 69
    assert caught.value.where == "127.0.0.1"
    assert len(server.requests) == 4


async def test_nobody_listening_is_provider_down_after_retries(server: Any, host: Host) -> None:
    provider = made(server, host, retry={"base": 0, "attempts": 2})
    await server.__aexit__()
    with pytest.raises(ProviderDown, match="gave up after 2 attempts"):
        await ask(provider)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (429, error("You exceeded your current quota", code="insufficient_quota"), ProviderDown, 69),
        (401, error("Incorrect API key provided: hidden-key-value"), KeyRefused, 77),
        (404, error("The model `m` does not exist", code="model_not_found"), UnknownModel, 78),
        (400, error("maximum context length is 10 tokens", code="context_length_exceeded"), ContextTooLong, 1),
        (400, error("bad", type="invalid_request_error"), ModelError, 1),
    ],
)
async def test_an_error_that_stays_is_raised_at_once(
    server: Any, host: Host, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, kind: type[KTError], code: int
) -> None:
    monkeypatch.setenv("MY_KEY", "hidden-key-value")
    server.answers = [answer(status, body)]
    with pytest.raises(kind) as caught:
        await ask(made(server, host, key_env="MY_KEY"))
    assert type(caught.value) is kind
    assert caught.value.exit_code == code
    assert "hidden-key-value" not in caught.value.line()
    assert [r.path for r in server.requests].count("/v1/chat/completions") == 1


async def test_an_unknown_model_names_the_nearest_that_the_service_has(server: Any, host: Host) -> None:
    models = {"data": [{"id": "qwen-coder"}, {"id": "llama"}]}
    server.answers = [answer(404, error("model 'qwen-code' not found")), answer(200, json.dumps(models).encode())]
    provider = compatible("qwen-code", {"base_url": server.url}, host)
    with pytest.raises(UnknownModel, match="model 'qwen-code' not found") as caught:
        await ask(provider)
    assert caught.value.hint == "did you mean qwen-coder?"
    assert await provider.models() == ["qwen-coder", "llama"]


# Faults


@pytest.mark.parametrize(
    "body",
    [b"", HEL, HEL + b'data: {"choices": [{"del', HEL + b": still here\n\n", HEL + event(USAGE)],
    ids=["nothing", "text", "half an event", "comment", "usage only"],
)
async def test_a_stream_without_its_end_mark_is_no_answer(server: Any, host: Host, body: bytes) -> None:
    server.answers = [HEAD + body]
    with pytest.raises(TruncatedStream):
        await ask(made(server, host))
    assert len(server.requests) == (1 if body else 4)


async def test_a_finish_reason_is_end_mark_enough(server: Any, host: Host) -> None:
    server.answers = [HEAD + HEL + LO + STOP.rstrip()]
    assert (await ask(made(server, host)))[1].text == "Hello"


async def test_a_whole_answer_is_taken_though_the_connection_never_ends(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, HEAD, HEL, STOP)]
    assert (await ask(made(server, host, **QUICK)))[1].text == "Hel"
    await server.left.wait()


async def test_nothing_is_waited_for_long_after_done(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, HELLO)]
    assert (await ask(made(server, host)))[1].text == "Hello"
    await server.left.wait()


async def test_a_break_before_any_delta_is_tried_again_and_after_one_is_not(server: Any, host: Host) -> None:
    cut = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: 9999\r\n\r\n"
    server.answers = [cut + event(chunk(role="assistant", content="")), HELLO]
    assert (await ask(made(server, host)))[1].text == "Hello"
    server.answers = [cut + HEL]
    with pytest.raises(TruncatedStream, match="the answer was cut: the connection failed"):
        await ask(made(server, host))
    assert len(server.requests) == 3


@pytest.mark.parametrize("bad", [b'data: {"choices": [\n\n', b"data: [1]\n\n", b"data: \xff\n\n"])
async def test_a_malformed_chunk_is_a_typed_error(server: Any, host: Host, bad: bytes) -> None:
    server.answers = [HEAD + HEL + bad + STOP + DONE]
    with pytest.raises(ModelError, match="sent what is no answer"):
        await ask(made(server, host))
    server.answers = [HEAD + bad, HELLO]
    assert (await ask(made(server, host)))[1].text == "Hello"


async def test_a_call_with_a_wrong_index_is_a_typed_error(server: Any, host: Host) -> None:
    call = {"index": 3, "function": {"arguments": "{}"}}
    server.answers = [HEAD + HEL + event(chunk(tool_calls=[call])) + STOP + DONE]
    with pytest.raises(ModelError, match="not opened"):
        await ask(made(server, host))


async def test_a_call_without_an_id_gets_one(server: Any, host: Host) -> None:
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    server.answers = [HEAD + event(chunk(tool_calls=[call])) + event(chunk("tool_calls")) + DONE]
    deltas, message = await ask(made(server, host))
    assert message.tool_calls[0].id
    assert [d for d in deltas if isinstance(d, ToolCall)] == message.tool_calls


async def test_an_html_page_is_a_typed_error(server: Any, host: Host) -> None:
    page = b"<!doctype html><html><head><title>502 Bad Gateway</title></head></html>"
    server.answers = [answer(502, page, "text/html")]
    with pytest.raises(ProviderDown, match="an HTML page with the title '502 Bad Gateway'"):
        await ask(made(server, host))
    server.answers = [answer(200, page, "text/html")]
    with pytest.raises(ProviderDown, match="an HTML page instead of an answer") as caught:
        await ask(made(server, host))
    assert "base_url" in caught.value.hint


async def test_an_error_inside_a_stream_is_typed(server: Any, host: Host) -> None:
    failed = event(
        {"error": {"message": "overloaded", "code": 502}, "choices": [{"finish_reason": "error", "delta": {}}]}
    )
    server.answers = [HEAD + HEL + failed]
    with pytest.raises(ProviderDown, match="overloaded"):
        await ask(made(server, host))
    server.answers = [HEAD + failed, HELLO]
    assert (await ask(made(server, host)))[1].text == "Hello"
    server.answers = [
        HEAD + b"event: error\n" + event({"error": {"message": "tool call invalid", "code": "tool_use_failed"}})
    ]
    with pytest.raises(ModelError, match="tool call invalid"):
        await ask(made(server, host))


async def test_an_endless_line_is_a_typed_error(server: Any, host: Host) -> None:
    async def endless(peer: Any) -> None:
        await peer.send(HEAD + b"data: ")
        while True:
            await peer.send(b"x" * 65536)

    server.answers = [endless]
    with pytest.raises(ProviderDown, match="over the cap"):
        await ask(made(server, host))
    assert len(server.requests) == 1


async def test_a_gzip_bomb_is_a_typed_error(server: Any, host: Host) -> None:
    bomb = gzip.compress(b"x" * (8 << 20))
    for kind in ("text/event-stream", "application/json"):
        server.answers = [answer(200, bomb, kind, content_encoding="gzip")]
        with pytest.raises(KTError):
            await ask(made(server, host))


@pytest.mark.parametrize("sent", [[], [HEAD], [HEAD, HEL]])
async def test_a_silent_service_is_a_typed_error(server: Any, host: Host, sent: list[bytes]) -> None:
    server.answers = [lambda peer: server.stall(peer, *sent)]
    with pytest.raises(TruncatedStream if HEL in sent else ProviderDown, match="sent nothing"):
        await ask(made(server, host, retry={"attempts": 1}, clocks={"connect": 0.2, "first_byte": 0.2, "between": 0.2}))
    await server.left.wait()


async def test_a_redirect_elsewhere_is_refused_with_the_key_unsent(server: Any, host: Host) -> None:
    server.answers = [answer(307, location="http://other.test/v1")]
    with pytest.raises(ProviderDown, match="redirects to another host"):
        await ask(made(server, host))
    assert len(server.requests) == 1


async def test_cancelling_closes_the_socket(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, HEAD, HEL)]
    shown = asyncio.Event()

    async def read() -> None:
        async for _ in made(server, host).stream(Request([Message("user", [Text("hi")])])):
            shown.set()

    task = asyncio.create_task(read())
    await shown.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.left.wait()


# Building


def test_openai_without_its_key_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set") as caught:
        openai("gpt-x", {}, Host())
    assert caught.value.exit_code == 78
    assert "export OPENAI_API_KEY" in caught.value.hint


def test_openai_sends_its_key_to_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")
    provider = openai("gpt-x", {}, Host())
    assert provider.endpoint.url == "https://api.openai.com/v1"
    assert provider.endpoint.headers["authorization"] == "Bearer k-1"
    assert (provider.model, provider.enforces_schema) == ("gpt-x", True)
    assert provider.options.max_tokens_name == "max_completion_tokens"


def test_the_key_of_openai_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")
    others = "https://other.test", "https://api.openai.com.evil.test", "https://evilopenai.com", "http://api.openai.com"
    for url in (*others, "http://127.0.0.1:1/v1", "https://api.openai.com@evil.test"):
        assert "authorization" not in compatible(f"{url}#m", {}, Host()).endpoint.headers
        with pytest.raises(ConfigError, match="is not OpenAI's"):
            openai("m", {"base_url": url}, Host())
    for url in ("https://api.openai.com/v1", "https://eu.api.openai.com/v1"):
        assert "authorization" in compatible(f"{url}#m", {}, Host()).endpoint.headers
        assert "authorization" in openai("m", {"base_url": url}, Host()).endpoint.headers


def test_a_compatible_service_takes_its_key_and_headers_from_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", " k-2\n")
    options = {"base_url": "https://other.test/v1/", "key_env": "OTHER_KEY", "headers": {"X-Title": "t"}}
    endpoint = compatible("m", options, Host()).endpoint
    assert (endpoint.headers["authorization"], endpoint.headers["x-title"]) == ("Bearer k-2", "t")
    assert endpoint.url == "https://other.test/v1"


def test_an_address_and_a_model_can_be_one_name() -> None:
    provider = compatible("http://127.0.0.1:8080/v1/chat/completions#org/model:7b", {}, Host())
    assert (provider.endpoint.url, provider.model) == ("http://127.0.0.1:8080/v1", "org/model:7b")


def test_a_model_on_this_machine_is_given_more_time() -> None:
    local, far = (
        compatible(f"{url}#m", {}, Host()).endpoint.clocks for url in ("http://localhost:1", "https://a.test")
    )
    assert far == Clocks(10.0, 60.0, 30.0, None)
    assert local.first_byte > far.first_byte
    assert compatible("http://localhost:1#m", {"clocks": {"between": 5}}, Host()).endpoint.clocks.between == 5


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("", {}, "is missing"),
        ("m", {}, "is missing"),
        ("http://127.0.0.1:1/v1", {}, "is missing"),
        ("http://127.0.0.1:1/v1#", {}, "is missing"),
        ("m", {"base_url": "ftp://a"}, "is no address"),
        ("m", {"base_url": "http://a:port"}, "is no address"),
        ("http://[::1#m", {}, "is no address"),
        ("http://a#m", {"base_ulr": "x"}, "no option 'base_ulr'"),
        ("http://a#m", {"clocks": {"conect": 1}}, "clocks has no key 'conect'"),
        ("http://a#m", {"clocks": {"connect": "1"}}, "clocks.connect must be a number"),
        ("http://a#m", {"clocks": {"connect": None}}, "clocks.connect must be a number"),
        ("http://a#m", {"retry": {"attempts": -1}}, "retry.attempts must be a number"),
        ("http://a#m", {"retry": 4}, "'retry' must be a table"),
        ("http://a#m", {"headers": "x"}, "'headers' must be a table"),
        ("http://a#m", {"replay_reasoning": "sometimes"}, "replay_reasoning"),
        ("http://a#m", {"key_env": "KT_TEST_NO_SUCH_KEY"}, "KT_TEST_NO_SUCH_KEY is not set"),
    ],
)
def test_what_is_wrong_with_the_options_is_said_at_build(model: str, options: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        compatible(model, options, Host())
    assert caught.value.hint


def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "clé-secrète")
    with pytest.raises(ConfigError, match="OTHER_KEY") as caught:
        compatible("http://a#m", {"key_env": "OTHER_KEY"}, Host())
    assert "secr" not in caught.value.line()


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
        HEAD + b"".join(event(chunk(tool_calls=[c])) for c in calls) + event(chunk("tool_calls")) + event(USAGE) + DONE
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
