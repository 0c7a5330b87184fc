"""A loopback server that misbehaves on command, and what tests of providers need around it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from kt import Host

sys.path.append(str(Path(__file__).parent))  # for chat_script


class Peer:
    """One request at the server: what came (`method`, `path`, `headers`, `body`), and `send` for raw bytes back."""

    def __init__(self, head: bytes, body: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        first, *lines = head.decode().split("\r\n")
        self.method, self.path, _ = first.split(" ", 2)
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        self.body, self._writer, self._reader = body, writer, reader

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self._reader.read(1024):
            pass


Answer: TypeAlias = bytes | Callable[[Peer], Awaitable[None]]


class FaultServer:
    """Answer each request with the next of `answers` (raw bytes, or a coroutine function), the last one for ever.

    `requests` holds what came, `connections` counts, `left` is set when a client leaves an answer that `stall` gave.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[Peer] = []
        self.connections = 0
        self.left = asyncio.Event()
        self.url = ""
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "FaultServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                sized = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(sized[0][15:])) if sized else b""
                peer = Peer(head, body, writer, reader)
                self.requests.append(peer)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    await peer.send(answer)
                    if b"connection: close" in answer:
                        return
                else:
                    await answer(peer)
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            self._open.discard(writer)
            writer.close()

    async def stall(self, peer: Peer, *sent: bytes) -> None:
        """Send something, then nothing until the client leaves."""
        for data in sent:
            await peer.send(data)
        await peer.gone()
        self.left.set()


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with FaultServer() as running:
        yield running


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host() as running:
        yield running
