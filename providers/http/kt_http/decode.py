"""kt model decode: what a wire makes of recorded answers, for bug reports and tests."""

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kt import Host, Message, Refusal, Thinking, encode
from kt.errors import KTError, NotFound, TruncatedStream, UsageError

from .errors import ErrorInStream, Malformed
from .exchange import Reply
from .sse import SSEReader
from .wire import wire_of

if TYPE_CHECKING:
    from kt import Plugins, ToolCall


class Options(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint="kt model decode --help")


def main(args: list[str], plugins: "Plugins") -> int:
    """Print one JSON object for each recorded response body; return 65 if one was no answer of its wire, else 0."""
    options = Options(prog="kt model decode", description="Print what a wire makes of recorded answers.")
    options.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recorded response body")
    options.add_argument("--wire", required=True, help=", ".join(plugins.registry.names("wire")))
    options.add_argument("--stream", action="store_true", help="the body is an event stream, not one JSON value")
    options.add_argument("--chunk", type=int, default=0, metavar="N", help="feed N bytes at a time; 0: all at once")
    try:
        given = options.parse_args(args)
    except SystemExit:
        return 0  # --help was printed
    if given.chunk < 0:
        raise UsageError("--chunk must not be negative")
    wire, broken = wire_of(Host(plugins), given.wire, "recorded", {}), False
    for file in given.files:
        told = decoded(wire.reply(), _read(file), stream=given.stream, chunk=given.chunk)
        broken = broken or (told["error"] or {}).get("code") == "E-DATA"
        print(json.dumps(told, ensure_ascii=False))
    return 65 if broken else 0


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"can't read {str(file)!r}: {error.strerror}") from None


def decoded(reply: Reply, body: bytes, *, stream: bool = False, chunk: int = 0) -> dict[str, Any]:
    """Return what an answer says: text, thinking, calls, finish, usage, signatures (SHA-256), error.

    `error` is the service's own error object, or {"code", "message"} for an answer that is cut or broken; the rest is
    then what had come before it.
    """
    error: Any = None
    try:
        _feed(reply, body, stream=stream, chunk=chunk)
        reply.finish()
    except ErrorInStream as failed:
        error = failed.data if isinstance(failed.data, dict) else {"message": str(failed.data)}
    except Malformed as failed:
        error = {"code": "E-DATA", "message": str(failed)}
    except KTError as failed:
        error = {"code": failed.code, "message": str(failed)}
    return {**_told(_so_far(reply), body.decode("utf-8", "replace")), "error": error}


def _feed(reply: Reply, body: bytes, *, stream: bool, chunk: int) -> None:
    if not stream:
        reply.feed_body(body)
        return
    reader, size = SSEReader(), chunk or len(body) or 1
    for at in range(0, len(body), size):
        for event, data in reader.feed(body[at : at + size]):
            reply.feed(event, data)
    try:
        for event, data in reader.close():
            reply.feed(event, data)
    except Malformed as error:
        raise TruncatedStream(f"the stream was cut in the middle of an event ({error})") from None


def _so_far(reply: Reply) -> Message:
    try:
        return reply.message()
    except Malformed:
        return Message("assistant", [])


def _told(message: Message, body: str) -> dict[str, Any]:
    """Return what a message says; the id of a call that the service gave none is None, not the one made here."""
    return {
        "text": message.text,
        "thinking": "".join(p.text for p in message.parts if isinstance(p, Thinking)),
        "tool_calls": [_call(c, body) for c in message.tool_calls],
        "finish": message.finish or None,
        "finish_raw": message.finish_raw or None,
        "refusal": "".join(p.text for p in message.parts if isinstance(p, Refusal)) or None,
        "usage": encode(message.usage) if message.usage is not None else None,
        "usage_raw": message.usage_raw,
        "signatures": [hashlib.sha256(s.encode()).hexdigest() for s in _signatures(message)],
    }


def _call(call: "ToolCall", body: str) -> dict[str, Any]:
    return {"id": call.id if call.id in body else None, "name": call.name, "arguments": _arguments(call)}


def _arguments(call: "ToolCall") -> Any:
    try:
        return json.loads(call.args_text or "{}")
    except ValueError:
        return None


def _signatures(message: Message) -> Iterator[str]:
    """Yield each signature and encrypted part, in order; those of other parts stand in `x` under the wire's name."""
    for part in message.parts:
        if isinstance(part, Thinking):
            yield from (s for s in (part.signature, part.encrypted) if s)
        else:
            own = (part.x or {}).get(message.wire) or {}
            yield from (own[k] for k in ("thoughtSignature", "signature") if isinstance(own.get(k), str))
