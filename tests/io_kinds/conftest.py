"""Agents whose inputs and outputs are real: pipes, files, sockets; and a client that sends bytes as they are."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from kt import Agent, Request
from kt.testing import ScriptedLLM
from kt_io.events import InputListening

Serve: TypeAlias = Callable[..., AbstractAsyncContextManager[tuple[Agent, str]]]
TOKEN = "the-token-of-the-tests"


def echo(request: Request) -> str:
    return f"You said {request.messages[-1].text}."


async def until(holds: Callable[[], object]) -> None:
    """Wait for what no event tells."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KT_HOME", str(folder))
    return folder


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def data(self) -> Any:
        return json.loads(self.body)


class Client:
    """Talk to an address of InputListening."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        scheme, _, rest = self.address.partition(":")
        if scheme == "unix":
            return await asyncio.open_unix_connection(rest)
        host, _, port = rest.strip("/").partition("/")[0].rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))

    async def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes; return all that comes back until the server closes."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            if end:
                writer.write_eof()
            return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()

    async def http(
        self, method: str, path: str, body: str = "", *, token: str = TOKEN, kind: str = "text/plain"
    ) -> Reply:
        """Make a request as a well-behaved client does."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test", f"Authorization: Bearer {token}"]
        if method == "POST":
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body.encode())}"]
        return parsed(await self.raw(("\r\n".join(lines) + "\r\n\r\n" + body).encode()))


def parsed(answer: bytes) -> Reply:
    head, _, body = answer.decode().partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
    assert len(body.encode()) == int(headers.get("content-length", len(body.encode())))
    return Reply(int(first.split()[1]), headers, body)


@pytest.fixture
def serve() -> Serve:
    """Return what runs an agent with one listening input and yields it with the address."""

    @asynccontextmanager
    async def serving(input: Any, steps: Any = echo, **options: Any) -> AsyncIterator[tuple[Agent, str]]:
        llm = options.pop("llm", None) or ScriptedLLM(steps)
        agent = await Agent.build({"name": "owl"}, llm=llm, input=input, **options)
        async with agent, agent.bus.stream(InputListening) as listening:
            yield agent, (await anext(listening)).address

    return serving


@pytest.fixture
def client() -> type[Client]:
    return Client


class Held:
    """A model that answers when it is let."""

    model = "held"

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self.inner = ScriptedLLM(self._answer)
        self.stream = self.inner.stream

    async def _answer(self, request: Request) -> str:
        self.asked.set()
        await self.go.wait()
        return echo(request)


@pytest.fixture
def held() -> Held:
    return Held()
