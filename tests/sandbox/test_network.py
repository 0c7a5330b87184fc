"""The way out: nothing but granted hosts, whatever a program tries, and every decision is told."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kt import Context, ToolNeeds, tool
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_sandbox.events import Connected
from kt_sandbox.probe import missing

pytestmark = pytest.mark.anyio


class Site:
    """A server on loopback that answers every request with what it was asked, and counts."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        self.heads.append(head)
        body = b"hello from the site"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site


@pytest.fixture(autouse=True)
def full() -> None:
    if why := missing()["bubblewrap"]:
        pytest.skip(f"bubblewrap: {why}")


PROXIED = """
import socket, sys
s = socket.create_connection(('127.0.0.1', 3128), 5)
s.settimeout(5)
s.sendall(sys.argv[1].encode().decode('unicode_escape').encode())
data = b''
try:
    while True:
        piece = s.recv(4096)
        if not piece: break
        data += piece
except OSError: pass
print(data.decode(errors='replace'))
"""


def raw(request: str) -> str:
    return f"python3 -c {shlex.quote(PROXIED)} {shlex.quote(request)}"


async def run(command: str, tmp_path: Path, grant: list[str], hosts: list[str]) -> tuple[str, list[Connected]]:
    steps = [[("bash", {"command": command, "hosts": hosts, "timeout": 20})], "done"]
    settings = {"sandbox": {"net": grant}}
    async with running(steps, tools=["bash"], plugins=[settings], unguarded=True, pwd=tmp_path) as agent:
        events = EventRecorder(agent)
        (call,) = (await agent.run("go")).tool_calls
        return f"{call.result or ''}{call.error or ''}", events.of(Connected)


async def test_a_granted_host_is_reached_by_an_ordinary_client(site: Site, tmp_path: Path) -> None:
    fetch = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://good.test/x\").read().decode())'"
    text, told = await run(fetch, tmp_path, [f"good.test=127.0.0.1:{site.port}"], ["good.test", "good.test:80"])
    assert "hello from the site" in text
    assert site.heads[0].startswith("GET /x HTTP/1.1\r\n")
    assert [(e.host, e.port, e.allowed) for e in told] == [("good.test", 80, True)]


REFUSED = {
    "another host": r"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    "a name that begins alike": r"CONNECT good.test.evil.test:443 HTTP/1.1\r\n\r\n",
    "another port": r"CONNECT good.test:22 HTTP/1.1\r\n\r\n",
    "an address": r"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n",
    "an address in the clear": r"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
    "a smuggled host": r"GET http://good.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    "two hosts": r"GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\nHost: evil.test\r\n\r\n",
    "a user in the address": r"GET http://good.test@127.0.0.1:{port}/ HTTP/1.1\r\nHost: good.test\r\n\r\n",
    "no whole address": r"GET / HTTP/1.1\r\nHost: good.test\r\n\r\n",
    "no request": r"\0\1\2\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_anything_else_is_refused_and_nobody_is_asked(name: str, site: Site, tmp_path: Path) -> None:
    request = REFUSED[name].replace("{port}", str(site.port))
    text, told = await run(raw(request), tmp_path, [f"good.test=127.0.0.1:{site.port}"], ["good.test", "good.test:80"])
    assert "HTTP/1.1 403" in text or "HTTP/1.1 400" in text
    assert site.heads == []
    assert not any(e.allowed for e in told)


async def test_without_the_proxy_there_is_no_way_and_no_name(site: Site, tmp_path: Path) -> None:
    straight = f"exec 3<>/dev/tcp/127.0.0.1/{site.port}; getent hosts good.test; getent hosts example.com"
    await run(straight, tmp_path, [f"good.test=127.0.0.1:{site.port}"], ["good.test"])
    assert site.heads == []


async def test_a_host_that_the_call_does_not_name_is_not_open_to_it(site: Site, tmp_path: Path) -> None:
    grant = [f"good.test=127.0.0.1:{site.port}", "other.test"]
    text, _ = await run(raw(r"CONNECT good.test:443 HTTP/1.1\r\n\r\n"), tmp_path, grant, ["other.test"])
    assert "HTTP/1.1 403" in text


async def test_without_a_grant_there_is_no_proxy(site: Site, tmp_path: Path) -> None:
    text, _ = await run(raw("x"), tmp_path, [], ["good.test"])
    assert "Error" in text
    assert site.heads == []


@tool(effect="read", needs=ToolNeeds(net=("@url",)))
async def get(ctx: Context[None], url: str) -> str:
    return (await ctx.http.request("GET", url)).body.decode()


@tool(effect="read")
async def sneaky(ctx: Context[None], url: str) -> str:
    return (await ctx.http.request("GET", url)).body.decode()


@pytest.mark.parametrize(
    ("name", "url", "answer"),
    [
        ("get", "http://good.test/", "hello from the site"),
        ("get", "http://evil.test/", "denied: evil.test:80 is not among the hosts that are granted"),
        ("get", "http://good.test:99/", "denied: good.test:99 is not among the hosts that are granted"),
        ("sneaky", "http://good.test/", "denied: good.test:80 is not among the hosts that are granted"),
    ],
)
async def test_a_tools_own_requests_go_to_granted_hosts_that_it_declares(
    site: Site, tmp_path: Path, name: str, url: str, answer: str
) -> None:
    settings: dict[str, Any] = {"sandbox": {"net": [f"good.test=127.0.0.1:{site.port}"]}}
    llm = ScriptedLLM([[(name, {"url": url})], "done"])
    async with running(llm, tools=[get, sneaky], plugins=[settings], unguarded=True, pwd=tmp_path) as agent:
        (call,) = (await agent.run("go")).tool_calls
    assert (call.result or call.error) == answer
    if name == "get" and "hello" in answer:
        assert "host: good.test\r\n" in site.heads[0].lower()
