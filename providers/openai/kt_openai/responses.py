"""The Responses wire, requests: pure functions from messages to bytes. Source: OpenAI's API reference, Responses.

Nothing is kept at the service (`store` false), so every request carries the whole conversation, reasoning included.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from kt.errors import ConfigError
from kt_http.wire import quirks_of

from .responses_items import WIRE, items_of

if TYPE_CHECKING:
    from kt import Media, Message, Part, Request, Tool, ToolCall, ToolResult

    from .responses_reply import ResponsesReply

PATH = "/responses"
MAX_ID = 64
_REASONS = re.compile(r"(^|/)(o[1-9]|gpt-[5-9]|codex|gpt-oss|grok-[3-9].*(mini|reason))", re.I)
_TOOLS: "WeakKeyDictionary[Tool, bytes]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class ResponsesOptions:
    """What differs between the services that speak this wire.

    `encrypted_reasoning` asks for reasoning that can be sent back: "auto" where the model's name says that it reasons,
    for the others refuse the question. `item_ids` sends items back under their ids, for a service that keeps them.
    """

    origin: str = ""
    encrypted_reasoning: Literal["auto", "always", "never"] = "auto"
    item_ids: bool = False


class ResponsesWire:
    """Responses; see kt_http.wire.Wire."""

    name = WIRE
    headers: Mapping[str, str] = {}
    auth: Mapping[str, str] = {"authorization": "Bearer {}"}

    def __init__(self, options: ResponsesOptions = ResponsesOptions()) -> None:
        self.options = options

    def path(self, model: str) -> str:
        return PATH

    def build(self, request: "Request", model: str) -> bytes:
        return build(request, model, self.options)

    def reply(self) -> "ResponsesReply":
        from .responses_reply import ResponsesReply

        return ResponsesReply(self.options.origin)

    def models(self, body: bytes) -> list[str]:
        return [str(entry["id"]) for entry in json.loads(body)["data"]]


def wire(origin: str, quirks: Mapping[str, Any]) -> ResponsesWire:
    """Return the wire `responses`. Raises ConfigError for a wrong quirk."""
    options = quirks_of(ResponsesOptions, quirks, origin=origin)
    if options.encrypted_reasoning not in ("auto", "always", "never"):
        raise ConfigError(f"encrypted_reasoning is {options.encrypted_reasoning!r}", hint="auto, always or never")
    return ResponsesWire(options)


def build(request: "Request", model: str, options: ResponsesOptions = ResponsesOptions()) -> bytes:
    """Return the JSON body of a streaming request.

    Settings go to the top level as they are, but for `effort` (reasoning.effort) and `max_tokens`
    (max_output_tokens); one that is None takes a default field away.
    """
    key = f"{WIRE}:{options.origin}:{options.item_ids}"
    said = []
    before: Message | None = None
    for message in request.messages:
        known = message.encoded
        if known is None:
            known = message.encoded = {}
        if key not in known:
            known[key] = encode(message, options, before)
        if known[key]:
            said.append(known[key])
        before = message
    head = _dump(_settings(request, model, options))[:-1]
    tools = b',"tools":[' + b",".join(map(_tool, request.tools)) + b"]" if request.tools else b""
    return head + b',"input":[' + b",".join(said) + b"]" + tools + b"}"


def _settings(request: "Request", model: str, options: ResponsesOptions) -> dict[str, Any]:
    given = dict(request.settings)
    body: dict[str, Any] = {"model": model, "stream": True, "store": False, "instructions": request.system or None}
    if effort := given.pop("effort", None):
        given["reasoning"] = {"effort": effort, **(given.get("reasoning") or {})}
    if "max_tokens" in given:
        given["max_output_tokens"] = given.pop("max_tokens")
    asked = options.encrypted_reasoning
    if asked == "always" or (asked == "auto" and (_REASONS.search(model) or given.get("reasoning"))):
        body["include"] = ["reasoning.encrypted_content"]
    if request.output_schema is not None:
        form = {"type": "json_schema", "name": "output", "schema": request.output_schema, "strict": False}
        body["text"] = {"format": form, **(given.pop("text", None) or {})}
    return {name: value for name, value in {**body, **given}.items() if value is not None}


def _tool(tool: "Tool") -> bytes:
    if (known := _TOOLS.get(tool)) is None:
        function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        known = _TOOLS[tool] = _dump({"type": "function", "strict": False, **function})
    return known


def encode(
    message: "Message", options: ResponsesOptions = ResponsesOptions(), before: "Message | None" = None
) -> bytes:
    """Return the items that one message is on this wire, as JSON with commas between; empty where it has none.

    `before` is the message with the calls that its results answer.
    """
    if message.role == "assistant":
        items = items_of(message.parts, options.origin)
        return b",".join(_dump(i) for item in items if (i := item if options.item_ids else _unkept(item)) is not None)
    custom = {c.id for c in before.tool_calls if _is_custom(c)} if before is not None else set()
    said = [_output(p, custom=p.call_id in custom) for p in message.parts if p.kind == "tool_result"]
    content = [c for p in message.parts if p.kind != "tool_result" and (c := _content(p)) is not None]
    if content or not said:
        plain = len(content) == 1 and content[0]["type"] == "input_text"
        role = "user" if message.role == "tool" else message.role
        said.append({"role": role, "content": content[0]["text"] if plain else content})
    return b",".join(map(_dump, said))


def _unkept(item: dict[str, Any]) -> dict[str, Any] | None:
    """Return an item for a service that keeps nothing: an id that it gave would be looked up, and not be found."""
    kind = item.get("type")
    if kind == "reasoning":
        has = item.get("encrypted_content") or item.get("content")
        return {k: v for k, v in item.items() if k not in ("id", "status")} if has else None
    if kind in ("function_call", "custom_tool_call"):
        return {k: _short(v) if k == "call_id" else v for k, v in item.items() if k not in ("id", "status")}
    if kind == "message":
        text = "".join(str(p.get("text") or p.get("refusal") or "") for p in item.get("content") or ())
        phase = {"phase": item["phase"]} if item.get("phase") else {}
        return {"role": "assistant", "content": text, **phase} if text else None
    return item


def _short(id: str) -> str:
    """Return a call's id, shortened where it is longer than this wire allows."""
    return id if len(id) <= MAX_ID else "call_" + hashlib.sha256(id.encode()).hexdigest()[:32]


def _is_custom(call: "ToolCall") -> bool:
    return ((call.x or {}).get(WIRE) or {}).get("type") == "custom_tool_call"


def _output(result: "ToolResult", *, custom: bool) -> dict[str, Any]:
    content = [c for p in result.parts if (c := _content(p)) is not None]
    plain = all(c["type"] == "input_text" for c in content)
    kind = "custom_tool_call_output" if custom else "function_call_output"
    return {"type": kind, "call_id": _short(result.call_id), "output": result.text if plain else content}


def _content(part: "Part") -> dict[str, Any] | None:
    if part.kind == "text":
        return {"type": "input_text", "text": part.text}
    return _media(part) if part.kind == "media" else None


def _media(part: "Media") -> dict[str, Any]:
    own = (part.x or {}).get(WIRE) or {}
    coded = base64.b64encode(part.data).decode() if part.data is not None else ""
    if part.mime.startswith("image/"):
        where = {"file_id": part.file_id} if part.file_id else {}
        if not where:
            where = {"image_url": part.url or f"data:{part.mime};base64,{coded}"}
        return {"type": "input_image", "detail": "auto", **own, **where}
    if part.file_id is not None:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url is not None:
        return {"type": "input_file", "file_url": part.url}
    return {
        "type": "input_file",
        "filename": part.name or "file",
        "file_data": f"data:{part.mime};base64,{coded}",
    }


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
