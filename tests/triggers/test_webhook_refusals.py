"""Webhooks over real sockets: what is refused, and that it harms nobody."""

import asyncio
import json
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Agent, Context, Host, hookimpl, tool
from kt.testing import ScriptedLLM, running
from kt_triggers.requests import BODY_LIMIT, HEAD_LIMIT, Head, Refusal, parse_head

from .conftest import CountingClock, Talk, creature, quiet
from .webhook_client import HOOK, TOKEN, Client, address, begun, post, request

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(token=None), 401),
        (request(token="wrong-horse-battery!!"), 401),
        (request(token=TOKEN[:-1]), 401),
        (request(token=""), 401),
        (request(token="\xff" * 20), 400),
        (request(f"/hook?token={TOKEN}x", token=None), 401),
        (request("/other"), 404),
        (request("/hook/"), 404),
        (request("/"), 404),
        (request(method="GET"), 405),
        (request(method="PUT"), 405),
        (request(method="DELETE", token=None), 405),
        (request(body=b"\xff\xfe"), 400),
        (request(body=b"z" * (BODY_LIMIT + 1)), 413),
        (request(body=b"z" * 8_000_000), 413),
        (request("/hook", b"", "X: " + "y" * HEAD_LIMIT), 431),
        (request("/hook", b"", *(f"X-{n}: 1" for n in range(80))), 431),
        (request("/hook", b"", "Content-Length: 5"), 400),
        (request("/hook", b"", "Host: elsewhere"), 400),
        (request("/hook", b"x", "Origin: http://evil.example"), 403),
        (request("/hook", b"", "Transfer-Encoding: chunked"), 400),
        (request("/hook", b"", " folded: x"), 400),
        (request("/hook", b"", "Bad Header: x"), 400),
        (request("/hook", b"", "X: a\nY: b"), 400),
        (request("/hook", b"", "X: a\rY: b"), 400),
        (request("/hook", b"", "X: \x00"), 400),
        (request("/hook", b"", f"Authorization: Bearer {TOKEN}"), 400),
        (request("http://localhost/hook"), 400),
        (request("*"), 400),
        (request("/hook#x y"), 400),
        (b"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n", 400),
        (b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n", 400),
        (b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n", 400),
        (b"POST /hook HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"POST  /hook HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"post /hook HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/0.9\r\n\r\n", 400),
    ],
)
async def test_what_is_odd_is_refused(host: Host, talk: Talk, data: bytes, status: int) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        port, _ = address(agent)
        got, headers, said = await post(port, data)
        assert (got, said["accepted"]) == (status, False)
        assert (headers.get("allow"), "www-authenticate" in headers) == (
            "POST" if status == 405 else None,
            status == 401,
        )
        assert TOKEN not in json.dumps(said)
        assert not agent.has_input
        assert (await post(port, request(body=b"x")))[0] == 202  # it still works
        await quiet(agent)
    assert talk.told == ["CI says:\n\nx"]


async def test_what_follows_a_request_is_not_read_as_another(host: Host, talk: Talk) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        port, _ = address(agent)
        client = await Client.to(port)
        await client.send(request(body=b"one") + request(body=b"two") + b"garbage" * 1000)
        client.writer.write_eof()
        assert (await client.answer())[0] == 202
        await quiet(agent)
    assert talk.told == ["CI says:\n\none"]


async def connected(clock: CountingClock, sleeps: int) -> None:
    """Return when so many sleeps began: each connection is one."""
    while clock.sleeps < sleeps:
        await clock.advance(0)


@pytest.mark.parametrize("sent", [b"", b"POST /ho", request()[:-2], request(body=b"12345")[:-2]])
async def test_who_is_slow_is_told_so(host: Host, clock: CountingClock, talk: Talk, sent: bytes) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        sleeps = clock.sleeps
        client = await Client.to(address(agent)[0])
        await client.send(sent)
        await connected(clock, sleeps + 1)
        await clock.advance(4.9)
        assert not client.reader.at_eof()
        await clock.advance(0.2)
        status, _, said = await client.answer()
        assert (status, said["error"]) == (408, "the request took longer than 5 seconds")
        await quiet(agent)
    assert talk.told == []


@pytest.mark.parametrize("sent", [b"", b"POST /ho", request(body=b"12345")[:-2]])
async def test_who_hangs_up_harms_nobody(host: Host, talk: Talk, sent: bytes) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        port, _ = address(agent)
        client = await Client.to(port)
        await client.send(sent)
        client.writer.close()
        await client.writer.wait_closed()
        assert (await post(port, request(body=b"x")))[0] == 202
        await quiet(agent)
    assert talk.told == ["CI says:\n\nx"]


async def test_too_many_connections_are_refused_and_the_others_served(
    host: Host, clock: CountingClock, talk: Talk
) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        port, _ = address(agent)
        sleeps = clock.sleeps
        idle = [await Client.to(port) for _ in range(64)]
        await connected(clock, sleeps + 64)
        assert (await post(port, request(body=b"x")))[0] == 503
        await clock.advance(5)
        for client in idle:
            assert (await client.answer())[0] == 408
        assert (await post(port, request(body=b"x")))[0] == 202
        await quiet(agent)


async def test_open_connections_do_not_outlive_the_agent(host: Host, talk: Talk) -> None:
    async with running(talk, creature=creature(HOOK), host=host) as agent:
        await begun(agent)
        client = await Client.to(address(agent)[0])
        await client.send(b"POST /hook")
        await asyncio.sleep(0.01)
    assert await client.reader.read() == b""
    client.writer.close()


# The parser


async def test_before_the_agent_has_started(host: Host, talk: Talk) -> None:
    class Slow:
        answers: ClassVar[list[int]] = []

        @hookimpl
        async def kt_prompt(self, agent: Agent) -> str:
            self.answers.append((await post(address(agent)[0], request(body=b"x")))[0])
            return ""

    async with running(talk, creature=creature(HOOK), host=host, plugins=[Slow]) as agent:
        await begun(agent)
        assert Slow.answers == [503]
        assert not agent.has_input
        assert (await post(address(agent)[0], request(body=b"x")))[0] == 202
        await quiet(agent)


async def test_while_the_agent_waits_for_its_user(host: Host) -> None:
    @tool
    async def ask(ctx: Context[None]) -> str:
        """Ask the user."""
        return str(await ctx.ask("May I?"))

    llm = ScriptedLLM([[("ask", {})], "Thanks.", "I see."])
    async with running(llm, creature=creature(HOOK), tools=[ask], host=host) as agent:
        await begun(agent)
        agent.questions.wait = True
        (question,) = (await agent.run("Go.")).pending
        status, _, said = await post(address(agent)[0], request(body=b"x"))
        assert (status, said["error"]) == (503, "the agent waits for an answer of its user")
        await agent.answer(question.id, "yes")
        assert (await post(address(agent)[0], request(body=b"x")))[0] == 202
        await quiet(agent)


def status_of(data: bytes) -> int | Head:
    try:
        return parse_head(data)
    except Refusal as refused:
        return refused.status


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    for candidate in (data + b"\r\n\r\n", b"POST /hook HTTP/1.1\r\nHost: x\r\n" + data + b"\r\n\r\n"):
        match status_of(candidate):
            case Head() as head:
                assert head.path.startswith("/")
                assert head.length >= 0
            case status:
                assert status in (400, 431)
