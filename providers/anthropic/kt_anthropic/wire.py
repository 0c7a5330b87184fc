"""Anthropic's Messages wire, requests: pure functions from messages to bytes. Source: Anthropic's API reference.

A message is encoded once and its bytes are kept in `message.encoded`, so that a request costs its new messages. The
cache marks that slide with the conversation are put into the finished bytes: a block ends with a brace.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from kt.errors import ConfigError
from kt_http.wire import quirks_of

from .blocks import WIRE, block_of, result_of

if TYPE_CHECKING:
    from kt import Message, Part, Request, Tool

    from .reply import MessagesReply

MAX_MARKS = 4
"""Cache breakpoints that a request may have."""

_MARK = b',"cache_control":{"type":"ephemeral"}}'
_TOOLS: "WeakKeyDictionary[Tool, bytes]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class MessagesOptions:
    """What differs between the services that speak this wire.

    `origin` names the service: thinking, and blocks nobody knows, go back only to the one they came from. `max_tokens`
    is sent where the settings say none, for this wire demands it. `caching` "auto" marks the system prompt and the
    last two messages of the user's side, so that the next request reads them from the service's cache.
    """

    origin: str = ""
    max_tokens: int = 8192
    caching: Literal["auto", "never"] = "auto"


class MessagesWire:
    """Anthropic Messages; see kt_http.wire.Wire."""

    name = WIRE
    models_path = "/models?limit=1000"
    plugins = ("resume_pause",)
    headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}
    auth: Mapping[str, str] = {"x-api-key": "{}"}

    def __init__(self, options: MessagesOptions = MessagesOptions()) -> None:
        self.options = options

    def path(self, model: str) -> str:
        return "/messages"

    def build(self, request: "Request", model: str) -> bytes:
        return build(request, model, self.options)

    def reply(self) -> "MessagesReply":
        from .reply import MessagesReply

        return MessagesReply(self.options.origin)

    def models(self, body: bytes) -> list[str]:
        return [str(entry["id"]) for entry in json.loads(body)["data"]]


def wire(origin: str, quirks: Mapping[str, Any]) -> MessagesWire:
    """Return the wire `anthropic`. Raises ConfigError for a wrong quirk."""
    options = quirks_of(MessagesOptions, quirks, origin=origin)
    if options.caching not in ("auto", "never"):
        raise ConfigError(f"caching is {options.caching!r}", hint="auto or never")
    if not isinstance(options.max_tokens, int) or options.max_tokens < 1:
        raise ConfigError(f"max_tokens is {options.max_tokens!r}", hint="a number of tokens")
    return MessagesWire(options)


def build(request: "Request", model: str, options: MessagesOptions = MessagesOptions()) -> bytes:
    """Return the JSON body of a streaming request.

    Settings go to the top level as they are, but for `effort` (output_config.effort) and `stop` (stop_sequences); one
    that is None takes a default field away. Thinking and blocks of other services are left out.
    """
    said = _sides(request.messages, options)
    explicit = sum(1 for m in request.messages for p in m.parts if p.cache)
    marks = MAX_MARKS - explicit if options.caching == "auto" else 0
    system = _dump([{"type": "text", "text": request.system}]) if request.system else b""
    tools = [_tool(tool) for tool in request.tools]
    if marks > 0 and system:
        system = _marked(system[:-1]) + b"]"
    elif marks > 0 and tools:
        tools[-1] = _marked(tools[-1])
    _mark_last(said, min(marks - 1, 2))
    fields = [_dump(_settings(request, model, options))[1:-1]]
    if system:
        fields.append(b'"system":' + system)
    fields.append(b'"messages":[' + b",".join(_message(role, blocks) for role, blocks in said) + b"]")
    if tools:
        fields.append(b'"tools":[' + b",".join(tools) + b"]")
    return b"{" + b",".join(fields) + b"}"


def _sides(history: "Sequence[Message]", options: MessagesOptions) -> list[tuple[str, list[bytes]]]:
    """Return (role, encoded messages) of the conversation, neighbours of one role together."""
    key = f"{WIRE}:{options.origin}"
    said: list[tuple[str, list[bytes]]] = []
    for message in history:
        known = message.encoded
        if known is None:
            known = message.encoded = {}
        if key not in known:
            known[key] = encode(message, options.origin)
        if not (blocks := known[key]):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if said and said[-1][0] == role:
            said[-1][1].append(blocks)
        else:
            said.append((role, [blocks]))
    return said


def _mark_last(said: list[tuple[str, list[bytes]]], count: int) -> None:
    """Mark the last block of the last `count` messages of the user's side."""
    users = [blocks for role, blocks in said if role == "user"]
    for blocks in users[-count:] if count > 0 else ():
        blocks[-1] = _marked(blocks[-1])


def _marked(block: bytes) -> bytes:
    """Return encoded blocks, or a tool, with a cache mark on the last; what has one keeps it."""
    return block if block.endswith(b"}}") and b'"cache_control":' in block[-64:] else block[:-1] + _MARK


def _message(role: str, blocks: list[bytes]) -> bytes:
    return b'{"role":"' + role.encode() + b'","content":[' + b",".join(blocks) + b"]}"


def _settings(request: "Request", model: str, options: MessagesOptions) -> dict[str, Any]:
    given = dict(request.settings)
    body: dict[str, Any] = {"model": model, "max_tokens": options.max_tokens, "stream": True}
    config = dict(given.pop("output_config", None) or {})
    if effort := given.pop("effort", None):
        config.setdefault("effort", effort)
    if request.output_schema is not None:
        config.setdefault("format", {"type": "json_schema", "schema": closed(request.output_schema)})
    if config:
        body["output_config"] = config
    if (stop := given.pop("stop", None)) is not None:
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return {name: value for name, value in {**body, **given}.items() if value is not None}


def closed(schema: Any) -> Any:
    """Return a JSON schema whose objects take no other keys, as this wire's structured output demands."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if out.get("type") == "object" and "properties" in out:
        out.setdefault("additionalProperties", False)
    return out


def _tool(tool: "Tool") -> bytes:
    if (known := _TOOLS.get(tool)) is None:
        said = {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
        known = _TOOLS[tool] = _dump(said)
    return known


def encode(message: "Message", origin: str = "") -> bytes:
    """Return the blocks that one message is on this wire, as JSON with commas between; empty where it has none."""
    results = [_cached(p, result_of(p)) for p in message.parts if p.kind == "tool_result"]
    others = (_cached(p, block_of(p, origin)) for p in message.parts if p.kind != "tool_result")
    blocks = [*results, *(block for block in others if block is not None and not _is_blank(block))]
    return b",".join(map(_dump, blocks))


def _is_blank(block: dict[str, Any]) -> bool:
    """Tell whether a block is a text that says nothing; the service sends such, and refuses to take one back."""
    return block["type"] == "text" and not block["text"].strip()


def _cached(part: "Part", block: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a block with the cache mark that its part asks for."""
    if block is None or not part.cache or block["type"] in ("thinking", "redacted_thinking"):
        return block
    ttl = {"ttl": part.cache} if part.cache != "5m" else {}
    return {**block, "cache_control": {"type": "ephemeral", **ttl}}


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
