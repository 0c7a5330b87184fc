"""The way out of a sandbox without a network: a proxy on a unix socket that knows the granted hosts."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kt.errors import KTError, Vetoed

from .hosts import HostList, address_of, normal

HEAD_SECONDS, CONNECT_SECONDS, CHUNK, MAX_HEAD = 10, 10, 65_536, 32_768
REQUEST = re.compile(rb"([A-Z]+) ([^\s]+) HTTP/1\.[01]\r\n")
HOST = re.compile(rb"(?im)^host:[ \t]*([^\r\n]*?)[ \t]*\r$")

Told = Callable[[str, int, bool, str], None]
"""Hears each decision: host, port, whether it was let through, why."""


class Proxy:
    """Serve CONNECT and plain HTTP requests to granted hosts; names are resolved here and nowhere inside."""

    def __init__(self, hosts: HostList, told: Told) -> None:
        self._hosts, self._told = hosts, told
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self, socket: Path) -> AsyncIterator[None]:
        """Listen on a unix socket until left; connections that are still open are closed then."""
        server = await asyncio.start_unix_server(self._served, socket, limit=MAX_HEAD)
        try:
            yield
        finally:
            server.close()
            for task in list(self._open):
                task.cancel()
            if self._open:
                await asyncio.wait(self._open)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._serve_one(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        try:
            method, host, port, head = _target(head)
        except KTError as error:
            return await _refuse(writer, 400, str(error))
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                address = await self._hosts.connectable(host, port)
                out_reader, out = await asyncio.open_connection(*address)
        except Vetoed as veto:
            self._told(host, port, False, str(veto))
            return await _refuse(writer, 403, str(veto))
        except (KTError, OSError, TimeoutError) as error:
            return await _refuse(writer, 502, str(error) or "no answer")
        self._told(host, port, True, "granted")
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 ok\r\n\r\n")
        else:
            out.write(head)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, out))
                group.create_task(_copy(out_reader, writer))
        finally:
            out.close()


def _target(head: bytes) -> tuple[bytes, str, int, bytes]:
    """Return (method, host, port, head to pass on) of a request. Raises KTError for anything unclear."""
    line = REQUEST.match(head)
    if line is None:
        raise KTError("this is no HTTP request")
    method, target = line[1], line[2].decode("ascii", "replace")
    if method == b"CONNECT":
        host, port = address_of(f"https://{target}")
        return method, host, port, head
    if not target.lower().startswith("http://"):
        raise KTError("a request through this proxy names its whole address")
    host, port = address_of(target)
    said = [normal(h.decode("ascii", "replace").rpartition("@")[2]) for h in HOST.findall(head)]
    if said not in ([host], [f"{host}:{port}"]):
        raise KTError("the Host header is not the host of the address")
    # One request a connection: a second one could name another host.
    path = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
    rest = head[line.end() :]
    rest = re.sub(rb"(?im)^(proxy-)?connection:[^\r\n]*\r\n", b"", rest)
    return method, host, port, method + b" " + path.encode() + b" HTTP/1.1\r\nConnection: close\r\n" + rest


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    body = f"sandbox: {why}\n".encode()
    head = f"HTTP/1.1 {status} refused\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (OSError, RuntimeError):
        writer.close()
