"""Retries are rationed an address, a failing model is left alone for a while, and another is asked instead."""

from typing import Any

import pytest
from chat_script import BUSY, HEAD, HELLO, LO, answer, ask, error, made
from kt import Agent, Host
from kt.errors import ModelError, ProviderDown
from kt.events import LLMRetry
from kt.testing import EventRecorder, VirtualClock
from kt_http.health import FULL, PAUSE, RATIO, TRIPS, health_of

pytestmark = pytest.mark.anyio
NO_RETRY: dict[str, Any] = {"retry": {"attempts": 1, "base": 0}}


async def fails(provider: Any) -> str:
    with pytest.raises(ProviderDown) as caught:
        await ask(provider)
    return str(caught.value)


async def test_retries_stop_when_an_address_keeps_failing(server: Any, host: Host) -> None:
    server.answers = [BUSY]
    for number in range(3):
        await fails(made(server, host, **{"retry": {"attempts": 4, "base": 0}, "headers": {"x-n": str(number)}}))
    assert len(server.requests) == 4 + 4 + 2  # ten failures leave half of the tokens, which is not enough
    assert "too many requests to this address fail" in await fails(made(server, host))


async def test_successes_bring_the_retries_back(host: Host) -> None:
    health = health_of(host)
    while health.may_retry("there"):
        pass
    assert health.tokens["there"] == FULL / 2
    health.succeeded("there", "m")
    assert health.tokens["there"] == FULL / 2 + RATIO
    assert not health.may_retry("there")
    for _ in range(10):
        health.succeeded("there", "m")
    assert health.may_retry("there")
    assert health_of(host) is health


async def test_a_model_that_keeps_failing_is_left_alone_and_then_tried_once(server: Any) -> None:
    clock = VirtualClock()
    async with Host(clock=clock) as host:
        server.answers = [BUSY]
        provider = made(server, host, **NO_RETRY)
        for _ in range(TRIPS):
            await fails(provider)
        asked = len(server.requests)
        assert "is left alone for 30 s more" in await fails(provider)
        assert len(server.requests) == asked == TRIPS
        other = made(server, host, **NO_RETRY)
        other.model = "another"
        await fails(other)
        assert len(server.requests) == asked + 1
        clock.now += PAUSE
        await fails(provider)
        await fails(provider)
        assert len(server.requests) == asked + 2
        clock.now += PAUSE
        server.answers = [HELLO]
        assert (await ask(provider))[1].text == "Hello"
        assert (await ask(provider))[1].text == "Hello"


async def test_an_error_of_the_request_closes_no_door(server: Any, host: Host) -> None:
    server.answers = [answer(400, error("temperature must be a number"))]
    provider = made(server, host, **NO_RETRY)
    for _ in range(TRIPS + 1):
        with pytest.raises(ModelError):
            await ask(provider)
    assert len(server.requests) == TRIPS + 1


def preset(server: Any, model: str) -> dict[str, Any]:
    return {"provider": "openai-compat", "base_url": server.url + "/v1", "model": model, **NO_RETRY}


async def test_the_next_model_is_asked_where_one_is_down(server: Any, host: Host) -> None:
    server.answers = [BUSY, HELLO]
    llm = {**preset(server, "first"), "fallback": [{**preset(server, "second"), "settings": {"temperature": 1}}]}
    async with await Agent.build({}, llm=llm, host=host) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
    assert result.unwrap().text == "Hello"
    assert [r.json["model"] for r in server.requests] == ["first", "second"]
    assert [r.json.get("temperature") for r in server.requests] == [None, 1]
    (retry,) = events.of(LLMRetry)
    assert (retry.attempt, retry.wait) == (2, 0.0)
    assert retry.reason.endswith("openai-compat/second is asked instead")


async def test_no_other_model_is_asked_once_something_was_shown(server: Any, host: Host) -> None:
    server.answers = [HEAD + LO, HELLO]
    llm = {**preset(server, "first"), "fallback": [preset(server, "second")]}
    async with await Agent.build({}, llm=llm, host=host) as agent:
        assert (await agent.run("hi")).status == "failed"
    assert len(server.requests) == 1


async def test_the_last_models_error_is_the_turns(server: Any, host: Host) -> None:
    server.answers = [BUSY]
    llm = {**preset(server, "first"), "fallback": [preset(server, "second")]}
    async with await Agent.build({}, llm=llm, host=host) as agent:
        result = await agent.run("hi")
    assert result.exit_code == 69
    assert len(server.requests) == 2
