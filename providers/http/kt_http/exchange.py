"""One request to a model, from its bytes to its deltas and Message: transport, event stream, errors and retries.

Every wire shares this; a wire itself is pure and sees only events and bodies.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import urlsplit

from kt.errors import ModelError, ProviderDown, TruncatedStream

from .errors import ErrorInStream, HttpError, Malformed, Transient, failure, scrub, stream_failure
from .health import health_of
from .retry import Retries, RetryPolicy
from .sse import SSEReader
from .transport import Clocks, Response, transport_of

if TYPE_CHECKING:
    from kt import Host, Message, ToolCall
    from kt.events import Event

    Delta: TypeAlias = str | ToolCall | Event

MAX_ERROR = 64 << 10
AFTER_END = 0.5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider's service is and how it is reached: data, no state.

    `headers` carry the key; `secrets` are taken out of every error text.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    clocks: Clocks = Clocks()
    retry: RetryPolicy = RetryPolicy()
    secrets: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return urlsplit(self.url).hostname or self.url


class Reply(Protocol):
    """What a wire makes of one answer. `done`: nothing follows; `ended`: its end mark has come, so it is whole.

    The feeding methods raise ErrorInStream and Malformed; `finish` raises TruncatedStream without the end mark;
    `message` returns what has come so far, whole or not.
    """

    done: bool
    ended: bool

    def feed(self, event: str, data: bytes) -> "Sequence[Delta]": ...

    def feed_body(self, body: bytes) -> "Sequence[Delta]": ...

    def finish(self) -> "Message": ...

    def message(self) -> "Message": ...


async def exchange(
    host: "Host",
    endpoint: Endpoint,
    path: str,
    body: bytes,
    reply: Callable[[], Reply],
    *,
    model: str = "",
    explain: Callable[[ModelError], Awaitable[None]] | None = None,
) -> "AsyncGenerator[Delta | Message, None]":
    """POST a JSON body and yield the answer's deltas, then its Message; an LLMRetry before each further try.

    Nothing is tried again once a delta was yielded: what breaks then is raised. `reply` makes a fresh assembler for
    every try; `model` is whose failures count together; `explain` may complete an error before it is raised.
    Raises errors of the ModelError family.
    """
    transport, health = transport_of(host), health_of(host)
    retries = Retries(endpoint.retry, lambda: health.may_retry(endpoint.where))
    health.enter(endpoint.where, model)
    url, headers, clocks = endpoint.url + path, endpoint.headers, endpoint.clocks
    while True:
        shown, assembler = False, reply()
        try:
            async with transport.open("POST", url, headers=headers, body=body, clocks=clocks) as response:
                await _refuse_errors(response, endpoint, host)
                async with aclosing(_batches(response, assembler)) as batches:
                    async for deltas in batches:
                        shown = True
                        for delta in deltas:
                            yield delta
            message = assembler.finish()
        except (Transient, ModelError, HttpError, ErrorInStream, Malformed) as error:
            trouble = _understood(error, endpoint, shown)
            trouble.cut = shown and _passing(error)  # type: ignore[union-attr]
        else:
            health.succeeded(endpoint.where, model)
            yield message
            return
        if isinstance(trouble, ModelError):
            if explain is not None:
                await explain(trouble)
            raise trouble
        try:
            event = retries.next(trouble)
        except ModelError:
            health.failed(endpoint.where, model)
            raise
        yield event
        await host.clock.sleep(event.wait)


async def _refuse_errors(response: Response, endpoint: Endpoint, host: "Host") -> None:
    """Raise the typed error of a response that is none of success."""
    if response.status >= 300:
        body, now = await response.read(MAX_ERROR, cut=True), host.clock.time()
        raise failure(response.status, response.headers, body, now=now, where=endpoint.where, secrets=endpoint.secrets)


async def _batches(response: Response, reply: Reply) -> "AsyncGenerator[Sequence[Delta], None]":
    """Yield the deltas of a stream, or of a whole body from a server that does not stream; never an empty batch."""
    if "event-stream" not in response.headers.get("content-type", ""):
        if deltas := _whole(await response.read(), reply):
            yield deltas
        return
    reader = SSEReader()
    async with aclosing(response.blocks()) as blocks:
        try:
            async for block in blocks:
                for event, data in reader.feed(block):
                    if deltas := reply.feed(event, data):
                        yield deltas
                if reply.done:
                    await _drain(blocks)
                    return
        except HttpError:
            if reply.ended:
                return
            raise
    if deltas := _last(reader, reply):
        yield deltas


def _whole(body: bytes, reply: Reply) -> "Sequence[Delta]":
    """Return the deltas of a body that does not say it is a stream: JSON, or a stream all the same."""
    start = body.lstrip()[:1]
    if start == b"<":
        raise HttpError("an HTML page instead of an answer", hint="check base_url: is it an API address?")
    if start in (b"{", b"["):
        return reply.feed_body(body)
    reader = SSEReader()
    deltas = [delta for event, data in reader.feed(body) for delta in reply.feed(event, data)]
    return [*deltas, *_last(reader, reply)]


def _last(reader: SSEReader, reply: Reply) -> "Sequence[Delta]":
    """Return the deltas of the event that the end of the stream ends. Raises TruncatedStream where it is cut."""
    try:
        return [delta for event, data in reader.close() for delta in reply.feed(event, data)]
    except Malformed as error:
        raise TruncatedStream(f"the stream was cut in the middle of an event ({error})") from error


async def _drain(blocks: AsyncGenerator[bytes, None]) -> None:
    """Read on to the end of the body for a moment, so that the connection can serve again."""
    try:
        async with asyncio.timeout(AFTER_END):
            async for _ in blocks:
                pass
    except (TimeoutError, HttpError):
        pass  # the answer is whole; only this connection is lost


def _passing(error: Exception) -> bool:
    """Tell whether what broke an answer off may not happen the next time."""
    if isinstance(error, HttpError):
        return error.passing
    return isinstance(error, Transient | Malformed | TruncatedStream | ErrorInStream)


def _understood(error: Exception, endpoint: Endpoint, shown: bool) -> ModelError | Transient:
    """Return what to raise, or a Transient for what to try again."""
    where = endpoint.where
    found: ModelError | Transient
    if isinstance(error, ErrorInStream):
        found = stream_failure(error.data, where=where, secrets=endpoint.secrets)
    elif isinstance(error, Malformed):
        words = scrub(str(error), endpoint.secrets)
        found = Transient(ModelError(f"the service sent what is no answer: {words}", where=where))
    elif isinstance(error, HttpError) and shown:
        found = TruncatedStream(f"the answer was cut: {error.what}", where=where, hint="try again")
    elif isinstance(error, HttpError):
        down = ProviderDown(error.what, where=error.where or where, hint=error.hint)
        found = Transient(down) if error.passing else down
    elif isinstance(error, TruncatedStream):
        found = Transient(TruncatedStream(error.what, where=where, hint="try again"))
    else:
        assert isinstance(error, ModelError | Transient)
        return error.error if shown and isinstance(error, Transient) else error
    if shown and isinstance(found, Transient):
        found = found.error
    found.__cause__ = error
    return found
