"""The provider over a server that misbehaves: every fault is tried again or typed, and no cut answer is one."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from chat_script import BUSY, DONE, HEAD, HEL, HELLO, LO, STOP, USAGE, answer, ask, delta, error, event, made
from kt import Host, Message, Request, Text, ToolCall
from kt.errors import (
    ContextTooLong,
    KeyRefused,
    KTError,
    ModelError,
    ProviderDown,
    TruncatedStream,
    UnknownModel,
)
from kt.events import LLMRetry
from kt.testing import VirtualClock
from kt_openai.provider import compatible

pytestmark = pytest.mark.anyio

QUICK = {"clocks": {"connect": 2, "first_byte": 0.3, "between": 0.3}}


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
    async with Host(clock=clock) as host:
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


async def test_an_unknown_model_of_a_service_that_lists_none_keeps_its_words(server: Any, host: Host) -> None:
    server.answers = [answer(404, error("model 'm' not found")), answer(404, error("no such path"))]
    with pytest.raises(UnknownModel, match="model 'm' not found") as caught:
        await ask(made(server, host))
    assert caught.value.hint
    with pytest.raises(ModelError, match="no such path"):
        await made(server, host).models()
    server.answers = [answer(200, b"{}")]
    with pytest.raises(ModelError, match="can't be listed"):
        await made(server, host).models()


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


async def test_a_body_that_breaks_or_is_cut_is_no_answer(server: Any, host: Host) -> None:
    for whole in (answer(200, HEL + b'data: {"cho', "text/plain"), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"):
        server.answers = [whole.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")]
        with pytest.raises(ModelError, match=r"cut in the middle|connection failed"):
            await ask(made(server, host))


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
    server.answers = [cut + event(delta(role="assistant", content="")), HELLO]
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
    server.answers = [HEAD + HEL + event(delta(tool_calls=[call])) + STOP + DONE]
    with pytest.raises(ModelError, match="not opened"):
        await ask(made(server, host))


async def test_a_call_without_an_id_gets_one(server: Any, host: Host) -> None:
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    server.answers = [HEAD + event(delta(tool_calls=[call])) + event(delta("tool_calls")) + DONE]
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
