"""A client of webhooks that sends bytes as they are."""

import asyncio
import json
from typing import Any

from kt import Agent

from .conftest import host_clock

TOKEN = "correct-horse-battery"
HOOK = {"name": "webhook", "id": "ci", "prompt": "CI says:", "token": TOKEN}


def address(agent: Agent, id: str = "ci") -> tuple[int, str]:
    """Return (port, path) of a webhook."""
    port, _, path = agent.state["webhooks"][id]["url"].removeprefix("http://127.0.0.1:").partition("/")
    return int(port), "/" + path


class Client:
    """A connection that sends bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Return (status, headers, JSON) of the answer, to the end of the connection."""
        data = await self.reader.read()
        self.writer.close()
        await self.writer.wait_closed()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert int(headers["content-length"]) == len(body)
        assert headers["connection"] == "close"
        return int(first.split()[1]), headers, json.loads(body)


async def post(port: int, data: bytes) -> tuple[int, dict[str, str], Any]:
    client = await Client.to(port)
    await client.send(data)
    return await client.answer()


def request(
    target: str = "/hook", body: bytes = b"", *headers: str, method: str = "POST", token: str | None = TOKEN
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def begun(agent: Agent) -> None:
    """Return when the agent's triggers have begun."""
    await host_clock(agent).advance(0)
