"""The listener of webhooks: one for each address of a host, whose paths belong to triggers."""

import asyncio
import hmac
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from kt.errors import ConfigError, MissingPlugin

from .requests import HEAD_LIMIT, Head, Refusal, answer, read_body, read_head

if TYPE_CHECKING:
    from kt import Host

T = TypeVar("T")
READ_SECONDS = 5.0
LINGER_SECONDS = 1.0
MOST_CONNECTIONS = 64


@dataclass(slots=True)
class Hook:
    """What a path leads to: `accept(body)` takes the body and returns the id of the input. It may raise Refusal."""

    token: str
    accept: Callable[[str], str]


class Listener:
    """Answer the requests that come to one address."""

    def __init__(self, host: "Host") -> None:
        self.hooks: dict[str, Hook] = {}
        self._host = host
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()

    async def open(self, address: str, port: int) -> None:
        """Begin to listen. Raises ConfigError where the address can't be had."""
        try:
            self._server = await asyncio.start_server(self._connected, address, port, limit=HEAD_LIMIT)
        except OSError as error:
            raise ConfigError(f"no webhook can listen on {address} port {port}: {error.strerror or error}") from error

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more, and end what is connected."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        if self._server is not None:
            await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of ours: one that asyncio makes of a coroutine function is reported as an error when it is cancelled.
        task = self._host.spawn(self._connection(reader, writer), name="webhook connection")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except OSError:
            pass  # the other side is gone
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._connections) > MOST_CONNECTIONS:
                raise Refusal(503, "too many connections")
            id = await self._within(READ_SECONDS, self._request(reader, writer))
            if id is None:
                return
            reply = answer(202, json.dumps({"accepted": True, "id": id}).encode())
        except Refusal as refused:
            allow = ["allow: POST"] if refused.status == 405 else []
            allow += ["www-authenticate: Bearer"] if refused.status == 401 else []
            reply = answer(refused.status, json.dumps({"accepted": False, "error": refused.why}).encode(), *allow)
        writer.write(reply)
        await writer.drain()
        writer.write_eof()
        await self._linger(reader)

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
        """Read a request and hand it over; return the id of its input, None where nothing came. Raises Refusal."""
        head = await read_head(reader)
        if head is None:
            return None
        hook = self._hook(head)
        if head.headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return hook.accept(await read_body(reader, head.length))

    def _hook(self, head: Head) -> Hook:
        hook = self.hooks.get(head.path)
        if hook is None:
            raise Refusal(404, "there is nothing here")
        if head.method != "POST":
            raise Refusal(405, "only POST is answered")
        if not hmac.compare_digest(head.token.encode(), hook.token.encode()):
            raise Refusal(401, "the token is missing or wrong")
        return hook

    async def _within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns. Raises Refusal where it takes too long."""
        job, timer = asyncio.ensure_future(work), asyncio.ensure_future(self._host.clock.sleep(seconds))
        try:
            await asyncio.wait({job, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                raise Refusal(408, f"the request took longer than {seconds:g} seconds")
            return job.result()
        finally:
            for task in (job, timer):
                task.cancel()
            await asyncio.wait({job, timer})

    async def _linger(self, reader: asyncio.StreamReader) -> None:
        """Read what is still on its way: closing before would take the answer back from who has not read it."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while await reader.read(65_536):
                    pass
        except TimeoutError:
            pass


class Listeners:
    """Hold the listeners of a host by address. Get it with `Listeners.of(host)`."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._open: dict[tuple[str, int], Listener] = {}
        self._opening = asyncio.Lock()

    @classmethod
    def of(cls, host: "Host") -> "Listeners":
        """Return the listeners of a host, made on first use."""
        try:
            return host.get(cls)
        except MissingPlugin:
            host.provide(made := cls(host))
            return made

    async def add(self, address: str, port: int, path: str, hook: Hook) -> int:
        """Give a path of an address to a hook; return the port, which is a free one where 0 is asked for.

        Raises ConfigError where the path or the address is taken.
        """
        async with self._opening:
            listener = self._open.get((address, port))
            if listener is None:
                listener = Listener(self._host)
                await listener.open(address, port)
                self._open[address, listener.port] = listener
            if path in listener.hooks:
                raise ConfigError(f"two webhooks have the path {path!r}", where=f"{address} port {listener.port}")
            listener.hooks[path] = hook
            return listener.port

    async def remove(self, address: str, port: int, path: str) -> None:
        """Take a path back; the last one of an address closes its listener."""
        async with self._opening:
            listener = self._open[address, port]
            del listener.hooks[path]
            if not listener.hooks:
                del self._open[address, port]
                await listener.close()
