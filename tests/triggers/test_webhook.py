"""Webhooks over real sockets: what is taken."""

import asyncio

import pytest
from kt import Agent, Host
from kt.errors import ConfigError
from kt.events import InputQueued
from kt.testing import EventRecorder, running
from kt_triggers.events import TriggerFired, WebhookOpened
from kt_triggers.requests import BODY_LIMIT

from .conftest import Talk, creature, quiet
from .webhook_client import HOOK, TOKEN, Client, address, begun, post, request

pytestmark = pytest.mark.anyio


async def test_a_request_is_a_turn_whose_body_taints(host: Host, talk: Talk) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        recorder = EventRecorder(agent)
        await quiet(agent)
        await begun(agent)
        port, path = address(agent)
        assert path == "/hook"
        status, headers, said = await post(port, request(body='{"state": "päng"}'.encode()))
        assert (status, headers["content-type"]) == (202, "application/json")
        assert said == {"accepted": True, "id": recorder.of(InputQueued)[0].id}
        await quiet(agent)
        message = agent.history[0]
        assert agent.taint == {"webhook"}
    assert talk.told == ['CI says:\n\n{"state": "päng"}']
    assert [part.origin for part in message.parts] == ["", "webhook"]
    assert [(e.trigger, e.id) for e in recorder.of(TriggerFired)] == [("webhook", "ci")]


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/hook", [f"Authorization: Bearer {TOKEN}"]),
        ("/hook", [f"authorization:bearer {TOKEN}  "]),
        ("/hook", [f"X-KT-Token: {TOKEN}"]),
        (f"/hook?a=b&token={TOKEN}", []),
        (f"/hook?token={TOKEN}", ["Authorization: Basic eDp5"]),
    ],
)
async def test_three_ways_to_bring_the_token(host: Host, talk: Talk, target: str, headers: list[str]) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        port, _ = address(agent)
        assert (await post(port, request(target, b"x", *headers, token=None)))[0] == 202
        await quiet(agent)
    assert talk.told == ["CI says:\n\nx"]


async def test_a_body_that_comes_late_and_in_pieces(host: Host, talk: Talk) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        client = await Client.to(address(agent)[0])
        data = request("/hook", b"z" * BODY_LIMIT, "Expect: 100-continue")
        at = data.index(b"zz")
        await client.send(data[:at])
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for start in range(at, len(data), 10_000):
            await client.send(data[start : start + 10_000])
        assert (await client.answer())[0] == 202
        await quiet(agent)
    assert talk.told == ["CI says:\n\n" + "z" * BODY_LIMIT]


async def test_each_request_is_an_input_of_its_own_up_to_a_hundred(host: Host, talk: Talk) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        port, _ = address(agent)
        talk.gate.clear()
        agent.send("Work.")
        await begun(agent)
        ids = [(await post(port, request(body=str(n).encode())))[2]["id"] for n in range(100)]
        assert len(set(ids)) == 100
        status, _, said = await post(port, request(body=b"more"))
        assert (status, said["error"]) == (503, "too many requests wait")
        talk.gate.set()
        await quiet(agent)
    assert talk.told == ["Work.", *(f"CI says:\n\n{n}" for n in range(100))]


async def test_a_token_is_made_and_told(host: Host, talk: Talk) -> None:
    agent = await Agent.build(creature({"name": "webhook"}), llm=talk, host=host)
    recorder = EventRecorder(agent)
    async with agent:
        await begun(agent)
        (opened,) = recorder.of(WebhookOpened)
        assert agent.state["webhooks"] == {"webhook": {"url": opened.url, "token": opened.token}}
        assert len(opened.token) == 32
        port, _ = address(agent, "webhook")
        assert (await post(port, request(body=b"x", token=opened.token)))[0] == 202
        assert (await post(port, request(body=b"", token=opened.token)))[0] == 400
        await quiet(agent)
    assert talk.told == ["x"]
    assert agent.state["webhooks"] == {}


async def test_a_token_from_the_environment_is_not_told(
    host: Host, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_TEST_HOOK", TOKEN)
    hook = {"name": "webhook", "id": "ci", "token_env": "KT_TEST_HOOK", "prompt": "p"}
    async with running(talk, creature=creature(hook), host=host) as agent:
        await begun(agent)
        assert agent.state["webhooks"]["ci"]["token"] == ""
        assert (await post(address(agent)[0], request()))[0] == 202
        await quiet(agent)
    assert talk.told == ["p"]


async def test_one_port_for_many_paths_and_agents(host: Host, talk: Talk, unused_port: int) -> None:
    hooks = [{**HOOK, "id": name, "path": f"/{name}", "port": unused_port, "prompt": name} for name in "ab"]
    other = Talk()
    async with (
        running(talk, creature=creature(*hooks), host=host) as agent,
        running(other, creature=creature({**hooks[0], "path": "/c"}), host=host) as second,
    ):
        await begun(agent)
        for path in "abc":
            assert (await post(unused_port, request(f"/{path}", b"x")))[0] == 202
        await quiet(agent)
        await quiet(second)
        clash = await Agent.build(creature(hooks[0]), llm=Talk(), host=host)
        with pytest.raises(ConfigError, match="two webhooks have the path '/a'"):
            await clash.start()
        await second.stop()
        assert (await post(unused_port, request("/c", b"x")))[0] == 404
        assert (await post(unused_port, request("/a", b"x")))[0] == 202
        await quiet(agent)
    assert (talk.told, other.told) == (["a\n\nx", "b\n\nx", "a\n\nx"], ["a\n\nx"])
    with pytest.raises(ConnectionRefusedError):
        await Client.to(unused_port)


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


async def test_a_port_that_is_taken_stops_the_start(host: Host) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    agent = await Agent.build(creature({**HOOK, "port": port}), llm=Talk(), host=host)
    with pytest.raises(ConfigError, match=f"no webhook can listen on 127.0.0.1 port {port}"):
        await agent.start()
    server.close()
    await server.wait_closed()
