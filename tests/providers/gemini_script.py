"""What the tests of the Gemini wire are written in: chunks, an assembler that took them, and requests as tables."""

import json
from typing import Any

from kt import Message, Request, Text
from kt_gemini.generate import GenerateOptions, build
from kt_gemini.generate_reply import GenerateReply
from kt_http.sse import SSEReader

ORIGIN = "api.test"


def chunk(*parts: dict[str, Any], finish: str | None = None, **top: Any) -> dict[str, Any]:
    """Return a chunk with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}], **top}


def text(said: str, **fields: Any) -> dict[str, Any]:
    return {"text": said, **fields}


def call(name: str | None = None, args: Any = None, **fields: Any) -> dict[str, Any]:
    """Return a part with a function call; fields of the call beside name and args."""
    given = {"name": name, "args": args, **fields}
    return {"functionCall": {k: v for k, v in given.items() if v is not None}}


def feed(reply: GenerateReply, data: Any) -> list[Any]:
    return list(reply.feed("message", json.dumps(data).encode()))


def played(*chunks: Any) -> tuple[GenerateReply, list[Any]]:
    """Return an assembler that took the chunks, with the deltas that came out."""
    reply = GenerateReply(ORIGIN)
    return reply, [item for one in chunks for item in feed(reply, one)]


def told(*chunks: Any) -> Message:
    """Return the message that chunks make."""
    return played(*chunks)[0].finish()


def streamed(body: bytes) -> list[Any]:
    """Return the chunks of a recorded stream."""
    reader = SSEReader()
    return [json.loads(data) for _, data in [*reader.feed(body), *reader.close()]]


def sent(
    *messages: Message, model: str = "gemini-3-pro", options: GenerateOptions | None = None, **fields: Any
) -> dict[str, Any]:
    """Return the body of a request."""
    built = build(Request(list(messages), **fields), model, options or GenerateOptions(origin=ORIGIN))
    body: dict[str, Any] = json.loads(built)
    return body


def user(*parts: Any) -> Message:
    return Message("user", [Text(p) if isinstance(p, str) else p for p in parts])


def back(message: Message, **fields: Any) -> list[Any]:
    """Return the parts that a model's message is in the next request."""
    contents = sent(user("hi"), message, **fields)["contents"][1:]
    assert [c["role"] for c in contents] in ([], ["model"])
    return [part for content in contents for part in content["parts"]]
