"""The Chat Completions wire, requests: pure functions from messages to bytes. Source: OpenAI's API reference, Chat.

A message is encoded once and its bytes are kept in `message.encoded`, so that a request costs its new messages.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from kt.errors import ConfigError
from kt_http.wire import quirks_of

if TYPE_CHECKING:
    from kt import Media, Message, Part, Request, Thinking, Tool, ToolCall, ToolResult

    from .chat_reply import ChatReply

WIRE = "chat"
REPLAY = ("tool_loop", "never", "always")
PATH = "/chat/completions"

_AUDIO = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
_TOOLS: "WeakKeyDictionary[Tool, bytes]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What differs between the services that speak this wire.

    `origin` names the service: thinking, and fields nobody knows, go back only to the one they came from.
    `replay_reasoning` says when: "tool_loop" after the last user message only (DeepSeek refuses it elsewhere and
    demands it there). `max_tokens_name` is what the setting max_tokens is called.
    """

    origin: str = ""
    replay_reasoning: Literal["never", "tool_loop", "always"] = "tool_loop"
    max_tokens_name: str = "max_tokens"


class ChatWire:
    """Chat Completions; see kt_http.wire.Wire."""

    name = WIRE
    headers: Mapping[str, str] = {}
    auth: Mapping[str, str] = {"authorization": "Bearer {}"}

    def __init__(self, options: ChatOptions = ChatOptions()) -> None:
        self.options = options

    def path(self, model: str) -> str:
        return PATH

    def build(self, request: "Request", model: str) -> bytes:
        return build(request, model, self.options)

    def reply(self) -> "ChatReply":
        from .chat_reply import ChatReply

        return ChatReply(self.options.origin)

    def models(self, body: bytes) -> list[str]:
        return [str(entry["id"]) for entry in json.loads(body)["data"]]


def wire(origin: str, quirks: Mapping[str, Any]) -> ChatWire:
    """Return the wire `chat`. Raises ConfigError for a wrong quirk."""
    options = quirks_of(ChatOptions, quirks, origin=origin)
    if options.replay_reasoning not in REPLAY:
        raise ConfigError(f"replay_reasoning is {options.replay_reasoning!r}", hint=f"one of {', '.join(REPLAY)}")
    return ChatWire(options)


def build(request: "Request", model: str, options: ChatOptions = ChatOptions()) -> bytes:
    """Return the JSON body of a streaming request.

    Settings go to the top level as they are, but for `effort` (reasoning_effort) and `max_tokens`; one that is None
    takes a default field away. Thinking and items of other wires are left out.
    """
    messages = [_dump({"role": "system", "content": request.system})] if request.system else []
    history = request.messages
    loop = _loop_start(history) if options.replay_reasoning == "tool_loop" else 0
    thinks = options.replay_reasoning != "never"
    key = f"{WIRE}:{options.origin}"
    for position, message in enumerate(history):
        again = thinks and position >= loop and message.role == "assistant"
        name = key if again else WIRE
        known = message.encoded
        if known is None:
            known = message.encoded = {}
        if name not in known:
            known[name] = encode(message, origin=options.origin if again else None)
        messages.append(known[name])
    head = _dump(_settings(request, model, options))[:-1]
    tools = b',"tools":[' + b",".join(map(_tool, request.tools)) + b"]" if request.tools else b""
    return head + b',"messages":[' + b",".join(messages) + b"]" + tools + b"}"


def _loop_start(history: "Sequence[Message]") -> int:
    """Return the position after the last user message."""
    return next((i + 1 for i in range(len(history) - 1, -1, -1) if history[i].role == "user"), 0)


def _settings(request: "Request", model: str, options: ChatOptions) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    if request.output_schema is not None:
        schema = {"name": "output", "schema": request.output_schema, "strict": False}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    names = {"effort": "reasoning_effort", "max_tokens": options.max_tokens_name}
    body.update((names.get(name, name), value) for name, value in request.settings.items())
    if body["stream"] is False:
        body["stream_options"] = None
    return {name: value for name, value in body.items() if value is not None}


def _tool(tool: "Tool") -> bytes:
    if (known := _TOOLS.get(tool)) is None:
        function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        known = _TOOLS[tool] = _dump({"type": "function", "function": function})
    return known


def encode(message: "Message", *, origin: str | None = None) -> bytes:
    """Return one message as JSON, or the several that it takes on this wire with commas between.

    With `origin`, thinking and unknown fields that came from this service are included.
    """
    if message.role == "assistant":
        return _dump(_assistant(message, origin))
    results = [p for p in message.parts if p.kind == "tool_result"]
    said = [_tool_message(r) for r in results]
    content = _content([p for p in message.parts if p.kind != "tool_result"])
    if content or not results:
        said.append({"role": "user" if message.role == "tool" else message.role, "content": content})
    if shown := [item for r in results for item in _shown(r)]:
        said.append({"role": "user", "content": shown})
    return b",".join(map(_dump, said))


def _assistant(message: "Message", origin: str | None) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant"}
    items: list[Any] = []
    for part in message.parts:
        if part.kind == "thinking":
            if own := _own(part, origin):
                _replay(part, own, said, items)
        elif part.kind == "text":
            items.append({"type": "text", "text": part.text})
        elif part.kind == "refusal":
            said["refusal"] = part.text
        elif part.kind == "tool_call":
            said.setdefault("tool_calls", []).append(_call(part, origin))
        elif part.kind == "opaque" and _own(part, origin):
            items.append(part.data)
    plain = all(item.get("type") == "text" for item in items)
    said["content"] = "".join(item["text"] for item in items) if plain else items
    if not items and ("tool_calls" in said or "refusal" in said):
        said["content"] = None
    return said


def _replay(part: "Thinking", own: dict[str, Any], said: dict[str, Any], items: list[Any]) -> None:
    """Say thinking again, in the field it came in."""
    field = own.get("field")
    if field == "content":
        items.append({"type": "thinking", "thinking": [{"type": "text", "text": part.text}]})
    elif field:
        said[field] = part.text
    if details := own.get("reasoning_details"):
        said["reasoning_details"] = details


def _call(call: "ToolCall", origin: str | None) -> dict[str, Any]:
    own = {k: v for k, v in _own(call, origin).items() if k != "origin"}
    return {
        **own,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.args_text or "{}"},
    }


def _own(part: "Part", origin: str | None) -> dict[str, Any]:
    """Return the fields that only the service at `origin` knows, if the part came from it."""
    own = (part.x or {}).get(WIRE) or {}
    return own if origin is not None and own.get("origin") == origin else {}


def _tool_message(result: "ToolResult") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": result.call_id, "content": result.text or _elsewhere(result)}


def _elsewhere(result: "ToolResult") -> str:
    return "The result is in the next user message." if any(p.kind == "media" for p in result.parts) else ""


def _shown(result: "ToolResult") -> list[Any]:
    """Return what a tool message can't hold, for a user message after the results."""
    media = [_media(p) for p in result.parts if p.kind == "media"]
    return [{"type": "text", "text": f"What the tool call {result.call_id} returned:"}, *media] if media else []


def _content(parts: "Sequence[Part]") -> str | list[Any]:
    items = [item for part in parts if (item := _item(part)) is not None]
    if all(item.get("type") == "text" for item in items):
        return "\n\n".join(item["text"] for item in items)
    return items


def _item(part: "Part") -> dict[str, Any] | None:
    if part.kind == "text":
        return {"type": "text", "text": part.text}
    return _media(part) if part.kind == "media" else None


def _media(part: "Media") -> dict[str, Any]:
    """Return a content item. Raises ConfigError for what this wire can't carry."""
    own = (part.x or {}).get(WIRE) or {}
    if part.file_id is not None:
        return {"type": "file", "file": {"file_id": part.file_id}}
    coded = base64.b64encode(part.data).decode() if part.data is not None else ""
    if part.mime.startswith("image/"):
        return {"type": "image_url", "image_url": {**own, "url": part.url or f"data:{part.mime};base64,{coded}"}}
    if part.mime in _AUDIO and coded:
        return {"type": "input_audio", "input_audio": {"data": coded, "format": _AUDIO[part.mime]}}
    if coded:
        file = {"filename": part.name or "file", "file_data": f"data:{part.mime};base64,{coded}"}
        return {"type": "file", "file": file}
    raise ConfigError(f"Chat Completions can't carry {part.mime or 'a file'} by address", hint="send its data")


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
