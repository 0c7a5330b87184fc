"""A service that answers what it is told, and the real client to ask it with."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from kt import Host, Http
from kt.errors import ConfigError
from kt_http.direct import DirectHttp


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """Answer every request with `status` and `body`; `asked` holds what came."""

    status: int = 200
    body: bytes = b""
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def answer(self, body: Any, status: int = 200) -> None:
        self.status = status
        self.body = body.encode() if isinstance(body, str) else json.dumps(body).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ", 2)
        self.asked.append(Asked(method, path, headers, body))
        writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: {len(self.body)}\r\n\r\n".encode() + self.body)
        await writer.drain()
        writer.close()


@dataclass
class Settings:
    """What the tool web_search gives an engine."""

    url: str
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, variable: str) -> str:
        if variable not in self.keys:
            raise ConfigError(f"no key: the environment variable {variable} is not set")
        return self.keys[variable]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield service
    server.close()
    await server.wait_closed()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Host() as host:
        yield DirectHttp(SimpleNamespace(host=host))  # type: ignore[arg-type]


@pytest.fixture
def settings(service: Service) -> Settings:
    return Settings(service.url, {"BRAVE_API_KEY": "b-key", "TAVILY_API_KEY": "t-key", "EXA_API_KEY": "e-key"})
