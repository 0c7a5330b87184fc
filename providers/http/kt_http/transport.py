"""The one module that imports httpx2: kept-alive clients, four clocks, caps, and no redirect to another host."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from kt.errors import MissingPlugin

from .errors import HttpError

if TYPE_CHECKING:
    import httpx2
    from kt import Host

MAX_BODY = 64 << 20
MAX_STREAM = 256 << 20
MAX_REDIRECTS = 5
AGENT = "kterrarium"


@dataclass(frozen=True, slots=True)
class Clocks:
    """Bound the waits of one request, in seconds.

    `first_byte` runs to the first byte of the body; `between` runs from line to line of it, so that a server that
    drips bytes is stopped too; `total`, over all, is None for no bound.
    """

    connect: float = 10.0
    first_byte: float = 60.0
    between: float = 30.0
    total: float | None = None


class Transport:
    """Make requests over connections that are kept alive, one client an origin; share it by `transport_of(host)`."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], httpx2.AsyncClient] = {}
        self._tls: object = None

    @asynccontextmanager
    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", clocks: Clocks = Clocks()
    ) -> AsyncIterator["Response"]:
        """Send a request and yield its response, of any status; leaving early, or a cancellation, closes the socket.

        A redirect on the same host is followed, where that keeps the method; another host's is refused. Raises
        HttpError.
        """
        raw = await self._send(method, url, headers, body, clocks)
        for _ in range(MAX_REDIRECTS):
            target = _redirect(method, url, raw)
            if target is None:
                break
            await raw.aclose()
            url, raw = target, await self._send(method, target, headers, body, clocks)
        try:
            yield Response(raw, clocks)
        finally:
            await raw.aclose()

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, clocks: Clocks
    ) -> "httpx2.Response":
        import httpx2

        host = urlsplit(url).netloc.rpartition("@")[2]
        try:
            timeout = {"connect": clocks.connect, "read": None, "write": None, "pool": None}
            request = httpx2.Request(method, url, headers=headers, content=body, extensions={"timeout": timeout})
            async with asyncio.timeout(clocks.connect + clocks.first_byte):
                return await self._client(url).send(request, stream=True)
        except (httpx2.ConnectTimeout, TimeoutError) as error:
            connecting = isinstance(error, httpx2.ConnectTimeout)
            what = f"no connection within {clocks.connect:g} s" if connecting else _silent(clocks.first_byte)
            raise HttpError(what, where=host, hint="check the address, or try again later", passing=True) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
            raise HttpError(f"this request can't be made: {error}", where=host) from error
        except httpx2.HTTPError as error:
            raise _broken(error, host) from error

    def _client(self, url: str) -> "httpx2.AsyncClient":
        parts = urlsplit(url)
        client = self._clients.get((parts.scheme, parts.netloc))
        if client is None:
            client = self._clients[parts.scheme, parts.netloc] = self._new_client(parts.scheme, parts.hostname or "")
        return client

    def _new_client(self, scheme: str, host: str) -> "httpx2.AsyncClient":
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        if scheme == "https" and self._tls is None:
            self._tls = httpx2.create_ssl_context()
        return httpx2.AsyncClient(
            verify=self._tls if scheme == "https" else False,  # type: ignore[arg-type]
            trust_env=not is_loopback(host),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=60.0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


class Response:
    """One response: `status`, `headers` (lower case), and its body, by `blocks` or `read`, once."""

    __slots__ = ("_clocks", "_raw", "_where", "headers", "status")

    def __init__(self, raw: "httpx2.Response", clocks: Clocks) -> None:
        self._raw, self._clocks = raw, clocks
        self.status: int = raw.status_code
        self.headers: Mapping[str, str] = raw.headers
        self._where = str(raw.url.host)

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes, decompressed. Raises HttpError when a clock runs out or the connection breaks."""
        import httpx2

        size, between, watch = 0, self._clocks.between, _Watch(self._clocks)
        encoded = "content-encoding" in self.headers
        try:
            async with aclosing(self._raw.aiter_bytes() if encoded else self._raw.aiter_raw()) as blocks:
                while block := await watch.read(blocks):
                    size += len(block)
                    if size > MAX_STREAM:
                        raise HttpError(f"the response is longer than {MAX_STREAM} bytes", where=self._where)
                    yield block
                    if b"\n" in block or b"\r" in block:
                        watch.extend(between)
        except TimeoutError as error:
            raise HttpError(_silent(watch.patience), where=self._where, passing=True) from error
        except httpx2.HTTPError as error:
            raise _broken(error, self._where) from error
        finally:
            watch.stop()

    async def read(self, limit: int = MAX_BODY, *, cut: bool = False) -> bytes:
        """Return the whole body, or with `cut` its first `limit` bytes. Raises HttpError for more, or too late."""
        import httpx2

        clocks, blocks, size = self._clocks, [], 0
        seconds = clocks.total or clocks.first_byte + clocks.between
        try:
            async with asyncio.timeout(seconds):
                async for block in self._raw.aiter_bytes():
                    blocks.append(block)
                    size += len(block)
                    if size > limit:
                        break
        except TimeoutError as error:
            raise HttpError(f"the body took longer than {seconds:g} s", where=self._where, passing=True) from error
        except httpx2.HTTPError as error:
            raise _broken(error, self._where) from error
        if size > limit and not cut:
            raise HttpError(f"the body is longer than {limit} bytes", where=self._where)
        return b"".join(blocks)[:limit]


class _Watch:
    """Time out the reads of one response with one timer, which is armed again only when it rings: cheap per read."""

    __slots__ = ("_deadline", "_end", "_loop", "_rang", "_task", "_timer", "patience")

    def __init__(self, clocks: Clocks) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + clocks.total if clocks.total is not None else float("inf")
        self._task: asyncio.Task[object] | None = None
        self._rang = False
        self.extend(clocks.first_byte)
        self._timer = self._loop.call_at(self._deadline, self._ring)

    def extend(self, seconds: float) -> None:
        """Give the reads `seconds` from now, though never past the total."""
        self.patience = seconds
        self._deadline = min(self._loop.time() + seconds, self._end)

    async def read(self, blocks: AsyncIterator[bytes]) -> bytes:
        """Return the next block, b"" at the end. Raises TimeoutError when the deadline passes first."""
        task = self._task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        try:
            return await anext(blocks, b"")
        except asyncio.CancelledError:
            if self._rang and task.uncancel() <= before:
                raise TimeoutError from None
            raise
        finally:
            self._task = None

    def _ring(self) -> None:
        now = self._loop.time()
        if self._task is not None and now >= self._deadline:
            self._rang = True
            self._task.cancel()
        else:
            self._timer = self._loop.call_at(max(self._deadline, now + self.patience / 10), self._ring)

    def stop(self) -> None:
        self._timer.cancel()


def transport_of(host: "Host") -> Transport:
    """Return the host's transport, made on first use and closed with the host."""
    try:
        return host.get(Transport)
    except MissingPlugin:
        transport = Transport()
        host.provide(transport)
        return transport


async def close(host: "Host") -> None:
    """Close the host's transport, if it ever made one."""
    try:
        transport = host.get(Transport)
    except MissingPlugin:
        return
    await transport.aclose()


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _redirect(method: str, url: str, raw: "httpx2.Response") -> str | None:
    """Return where to go on; None where the response is the answer. Raises HttpError for another host."""
    location = raw.headers.get("location")
    if raw.status_code not in (301, 302, 303, 307, 308) or location is None:
        return None
    target = urljoin(url, location)
    old, new = urlsplit(url), urlsplit(target)
    upgraded = (old.scheme, new.scheme) == ("http", "https") and old.port is None and new.port is None
    if old.hostname != new.hostname or not (upgraded or (old.scheme, old.port) == (new.scheme, new.port)):
        what = f"HTTP {raw.status_code}: it redirects to another host ({new.scheme}://{new.netloc}), which is refused"
        raise HttpError(what, where=old.hostname or "", hint="use the other address yourself, if you trust it")
    keeps = raw.status_code in (307, 308) or method in ("GET", "HEAD")
    return target if keeps else None


def _silent(seconds: float) -> str:
    return f"the server sent nothing for {seconds:g} s"


def _broken(error: "httpx2.HTTPError", where: str) -> HttpError:
    reason = str(error) or type(error).__name__
    return HttpError(
        f"the connection failed: {reason}", where=where, hint="check the address and the network", passing=True
    )
