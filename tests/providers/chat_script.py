"""What the tests of Chat Completions are written in: chunks, events, raw responses, and a provider to send them to."""

import json
from typing import Any

from kt import Host, Message, Request, Text
from kt_http.provider import WireProvider
from kt_openai.chat_reply import ChatReply
from kt_openai.provider import compatible


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a chunk with one delta."""
    return {"id": "r1", "model": "m-1", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def piece(args: Any = None, *, id: str | None = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a fragment of a tool call."""
    function = {k: v for k, v in {"name": name, "arguments": args}.items() if v is not None}
    return {**more, **({} if id is None else {"id": id}), "function": function}


def feed(reply: ChatReply, chunk: Any) -> list[Any]:
    return list(reply.feed("message", json.dumps(chunk).encode()))


def played(*chunks: Any, done: bool = True) -> tuple[ChatReply, list[Any]]:
    """Return an assembler that took the chunks, and [DONE], with the deltas that came out."""
    reply = ChatReply("api.test")
    out = [item for chunk in chunks for item in feed(reply, chunk)]
    return reply, out + (list(reply.feed("message", b"[DONE]")) if done else [])


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def answer(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    """Return a whole raw response; header names are written with _ for -."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def error(message: str, **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}}
HEL, LO, STOP = event(delta(content="Hel")), event(delta(content="lo")), event(delta("stop"))
HELLO = HEAD + HEL + LO + STOP + event(USAGE) + DONE
BUSY = answer(503, error("busy"))


def made(server: Any, host: Host, **options: Any) -> WireProvider:
    """Return a provider for a test's server, whose retries do not wait unless the server asks."""
    return compatible("m", {"base_url": server.url + "/v1", "retry": {"base": 0}, **options}, host)


async def ask(provider: WireProvider, text: str = "hi", **fields: Any) -> tuple[list[Any], Message]:
    """Return the deltas and the Message of an answer."""
    request = Request([Message("user", [Text(text)])], **fields)
    items: list[Any] = [item async for item in provider.stream(request)]
    assert isinstance(items[-1], Message)
    return items[:-1], items[-1]
