"""The verdict of a server that breaks on purpose, over each wire and each fault: no failure and no warning."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kt import Agent, Host, TurnResult
from kt.errors import TruncatedStream

pytestmark = pytest.mark.anyio
WIRES = {
    "chat": ("openai", "gpt-4o-mini"),
    "responses": ("openai", "gpt-4o-mini"),
    "anthropic": ("anthropic", "claude-haiku-4-5"),
    "gemini": ("gemini", "gemini-2.5-flash"),
}
PATIENCE = {"clocks": {"first_byte": 3, "between": 1}, "retry": {"base": 0.1}}

FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "rate limit": (lambda m: m.rate_limit(times=2, retry_after=0.3), "ok"),
    "server error": (lambda m: m.fail(503, times=2), "ok"),
    "overloaded": (lambda m: m.fail(529), "ok"),
    "outage": (lambda m: m.outage(), "failed"),
    "bad request": (lambda m: m.fail(400), "failed"),
    "key refused": (lambda m: m.fail(401), "failed"),
    "forbidden": (lambda m: m.fail(403), "failed"),
    "no such model": (lambda m: m.fail(404), "failed"),
    "too long": (lambda m: m.context_overflow(), "failed"),
    "slow": (lambda m: m.delay(0.3), "ok"),
    "slow first token": (lambda m: m.slow_first_token(0.3), "ok"),
    "dropped at once": (lambda m: m.disconnect(after_chunks=0), "ok"),
    "dropped": (lambda m: m.disconnect(after_chunks=3), "ok"),
    "cut at once": (lambda m: m.truncate(after_chunks=1), "ok"),
    "cut": (lambda m: m.truncate(after_chunks=4), "ok"),
    # In its own pace: a server that has sent all before we hang up takes the answer for accepted.
    "corrupted": (lambda m: m.pace(20).corrupt(after_chunks=3), "ok"),
    "stalled": (lambda m: m.stall(after_chunks=3, seconds=20), "ok"),
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture
def asked(llmock: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    async def run(wire: str, prompt: str = "Say something long.", **options: Any) -> TurnResult:
        provider, model = WIRES[wire]
        base = llmock.base_url(provider)
        if wire == "anthropic" and not base.endswith("/v1"):
            base += "/v1"
        if wire == "gemini" and "/v1" not in base:
            base += "/v1beta"
        llm = {"provider": "endpoint", "wire": wire, "base_url": base, "model": model, "key_env": "KEY", **PATIENCE}
        async with Host() as host, await Agent.build({}, llm=llm, host=host, **options) as agent:
            return await agent.run(prompt, timeout=60)

    monkeypatch.setenv("KEY", "test-key")
    return run


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_verdict_is_clean(fault: str, wire: str, asked: Any, llmock: Any) -> None:
    make, status = FAULTS[fault]
    make(llmock)
    result = await asked(wire)
    assert result.status == status, result.error
    assert bool(result.text) is (status == "ok")
    await verdict(llmock)


async def verdict(llmock: Any) -> None:
    """Judge by what the server has seen; its thread may see the end of a connection a moment later than we."""
    for _ in range(20):
        try:
            llmock.assert_resilient(strict=True)
            return
        except AssertionError:
            await asyncio.sleep(0.1)
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_that_is_always_cut_is_never_an_answer(wire: str, asked: Any, llmock: Any) -> None:
    llmock.truncate(after_chunks=6, times=None)
    result = await asked(wire)
    assert result.status == "failed"
    assert isinstance(result.error, TruncatedStream)
    assert 1 < len(llmock.requests) <= 10


@pytest.mark.parametrize("wire", WIRES)
async def test_a_tool_is_called_and_the_turn_ends(wire: str, asked: Any, llmock: Any) -> None:
    llmock.call_tool("add", {"a": 2, "b": 3})
    result = (await asked(wire, "What is 2 + 3?", tools=[add])).unwrap()
    assert [(c.name, c.result) for c in result.tool_calls][:1] == [("add", "5")]
    assert result.usage.total > 0
    await verdict(llmock)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", ["malformed_arguments", "unknown_tool"])
async def test_a_broken_call_goes_back_to_the_model(kind: str, wire: str, asked: Any, llmock: Any) -> None:
    llmock.break_tool_call(kind)
    result = await asked(wire, "What is 2 + 3?", tools=[add])
    assert result.status in ("ok", "failed")
    if result.tool_calls:
        assert result.tool_calls[0].error
    llmock.assert_resilient(strict=True)
