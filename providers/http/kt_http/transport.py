"""The one module that imports httpx2: kept-alive clients, four clocks, caps, and no redirect to another host."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import urljoin, urlsplit

from kt.errors import MissingPlugin

from .addresses import proxies_of
from .errors import HttpError

if TYPE_CHECKING:
    import ssl

    import httpx2
    from kt import Host

MAX_BODY = 64 << 20
MAX_STREAM = 256 << 20
MAX_REDIRECTS = 5
MAX_SHOWN = 500
AGENT = "kterrarium"
SHORTEST = 0.05
Address: TypeAlias = tuple[str, int]


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
    """Make requests over connections that are kept alive, one pool an origin; share it by `transport_of(host)`."""

    def __init__(self) -> None:
        self._origins: dict[tuple[str, str], httpx2.AsyncHTTPTransport] = {}
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        clocks: Clocks = Clocks(),
        at: Address | None = None,
    ) -> AsyncIterator["Response"]:
        """Send a request and yield its response, of any status; leaving early, or a cancellation, closes the socket.

        `at` is where the host is, for a caller that looked it up; a proxy of the environment looks up for itself. A
        redirect on the same host is followed, where that keeps the method; another host's is refused. Raises
        HttpError.
        """
        raw = await self._send(method, url, headers, body, clocks, at)
        try:
            for _ in range(MAX_REDIRECTS):
                target = _redirect(method, url, raw)
                if target is None:
                    break
                await raw.aclose()
                url, raw = target, await self._send(method, target, headers, body, clocks, at)
            yield Response(raw, clocks, url)
        finally:
            await raw.aclose()

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, clocks: Clocks, at: Address | None
    ) -> "httpx2.Response":
        import httpx2

        host = url
        try:
            host = urlsplit(url).netloc.rpartition("@")[2]
            there: str | httpx2.URL = url
            more: dict[str, object] = {
                "timeout": {"connect": clocks.connect, "read": None, "write": None, "pool": None}
            }
            if at is not None and not proxies_of(urlsplit(url).hostname or ""):
                headers, more["sni_hostname"] = {"host": host, **headers}, urlsplit(url).hostname
                there = httpx2.URL(url).copy_with(host=at[0], port=at[1])
            request = httpx2.Request(method, there, headers=headers, content=body, extensions=more)
            async with asyncio.timeout(clocks.connect + clocks.first_byte):
                return await self._connections(url).handle_async_request(request)
        except (httpx2.ConnectTimeout, TimeoutError) as error:
            late = isinstance(error, httpx2.ConnectTimeout)
            what = f"no connection within {clocks.connect:g} s" if late else _silent(clocks.first_byte)
            raise HttpError(what, where=host, hint="check the address, or try again later", passing=True) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, ValueError) as error:
            raise HttpError(f"this request can't be made: {error}", where=host) from error
        except httpx2.HTTPError as error:
            raise _broken(error, host) from error

    def _connections(self, url: str) -> "httpx2.AsyncHTTPTransport":
        parts = urlsplit(url)
        key = parts.scheme, parts.netloc
        if key not in self._origins:
            self._origins[key] = self._new(parts.scheme, parts.hostname or "")
        return self._origins[key]

    def _new(self, scheme: str, host: str) -> "httpx2.AsyncHTTPTransport":
        """Return connections to one origin, through the proxy that the environment names for it, if any."""
        import httpx2

        proxies = proxies_of(host)
        if self._tls is None and scheme == "https":
            self._tls = httpx2.create_ssl_context()  # shared, for it is slow to make
        return httpx2.AsyncHTTPTransport(
            verify=self._tls if self._tls is not None else scheme == "https",
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=60.0),
            proxy=proxies.get(scheme) or proxies.get("all"),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        origins, self._origins = self._origins, {}
        for connections in origins.values():
            await connections.aclose()


class Response:
    """One response: `status`, `headers` (lower case), its `url`, and its body, by `blocks` or `read`, once."""

    __slots__ = ("_clocks", "_raw", "_where", "headers", "status", "url")

    def __init__(self, raw: "httpx2.Response", clocks: Clocks, url: str) -> None:
        self._raw, self._clocks, self._where, self.url = raw, clocks, urlsplit(url).hostname or "", url
        self.status: int = raw.status_code
        self.headers: Mapping[str, str] = raw.headers

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes, decompressed. Raises HttpError when a clock runs out or the connection breaks."""
        import httpx2

        size, watch = 0, _Watch(self._clocks)
        try:
            async with aclosing(_body(self._raw)) as blocks:
                watch.read()
                async for block in blocks:
                    watch.task = None
                    size += len(block)
                    if size > MAX_STREAM:
                        raise HttpError(f"the response is longer than {MAX_STREAM} bytes", where=self._where)
                    yield block
                    watch.read()
                    if b"\n" in block or b"\r" in block:
                        watch.since = monotonic()
        except asyncio.CancelledError:
            if watch.timed_out():
                raise HttpError(watch.reason, where=self._where, passing=True) from None
            raise
        except httpx2.HTTPError as error:
            raise _broken(error, self._where) from error
        finally:
            watch.stop()

    async def read(self, limit: int = MAX_BODY, *, cut: bool = False) -> bytes:
        """Return the whole body, or with `cut` its first `limit` bytes. Raises HttpError for more, or too late."""
        import httpx2

        clocks, blocks, size = self._clocks, [], 0
        seconds = clocks.first_byte + clocks.between if clocks.total is None else clocks.total
        try:
            async with asyncio.timeout(seconds), aclosing(self._raw.aiter_bytes()) as decoded:
                async for block in decoded:
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
    """Cancel a read that waits too long, with one timer a response, armed again only when it rings: cheap per read.

    `task` is what reads now, `since` when the last line came.
    """

    __slots__ = ("_cancels", "_clocks", "_loop", "_started", "_timer", "reason", "since", "task")

    def __init__(self, clocks: Clocks) -> None:
        self.task: asyncio.Task[object] | None = None
        self._cancels, self.reason, self._clocks = 0, "", clocks
        self.since = self._started = monotonic()
        self._loop = asyncio.get_running_loop()
        first = min(self._left(self.since), clocks.between)
        self._timer = self._loop.call_later(first, self._ring)

    def read(self) -> None:
        """Note that the current task is about to read."""
        self.task = task = asyncio.current_task()
        self._cancels = task.cancelling() if task is not None else 0

    def _left(self, now: float) -> float:
        """Return the seconds until something may be due."""
        clocks = self._clocks
        patience = clocks.first_byte if self.since == self._started else clocks.between
        ends = [self.since + patience - now]
        if clocks.total is not None:
            ends.append(self._started + clocks.total - now)
        return min(ends)

    def _ring(self) -> None:
        now, clocks = monotonic(), self._clocks
        left = self._left(now)
        if left <= 0 and self.task is not None:
            first = self.since == self._started
            self.reason = _silent(clocks.first_byte if first else clocks.between)
            if clocks.total is not None and now >= self._started + clocks.total:
                self.reason = f"the answer took longer than {clocks.total:g} s"
            self.task.cancel()
        else:
            self._timer = self._loop.call_later(max(min(left, clocks.between), SHORTEST), self._ring)

    def timed_out(self) -> bool:
        """Tell whether the cancellation that came is this watch's own, and take it back."""
        return bool(self.reason) and self.task is not None and self.task.uncancel() <= self._cancels

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


def _body(raw: "httpx2.Response") -> AsyncGenerator[bytes, None]:
    """Return the decompressed body; where nothing is compressed, without the layer that would do it (8% of a chunk)."""
    if "content-encoding" in raw.headers:
        return raw.aiter_bytes()
    return cast("AsyncGenerator[bytes, None]", aiter(cast("httpx2.AsyncByteStream", raw.stream)))


def _redirect(method: str, url: str, raw: "httpx2.Response") -> str | None:
    """Return where to go on; None where the response is the answer. Raises HttpError for another host."""
    location = raw.headers.get("location")
    if raw.status_code not in (301, 302, 303, 307, 308) or location is None:
        return None
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        upgraded = (old.scheme, new.scheme) == ("http", "https") and old.port is None and new.port is None
        same = old.hostname == new.hostname and (upgraded or (old.scheme, old.port) == (new.scheme, new.port))
    except ValueError as error:
        raise HttpError(f"HTTP {raw.status_code}: it redirects to what is no address") from error
    if not same:
        what = f"HTTP {raw.status_code}: it redirects to another host ({target[:MAX_SHOWN]}), which is refused"
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
