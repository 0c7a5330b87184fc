"""The Gemini wire, requests: pure functions from messages to bytes. Source: Google's API reference, generateContent.

A message is encoded once and its bytes are kept in `message.encoded`, so that a request costs its new messages.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from weakref import WeakKeyDictionary

from kt.errors import ConfigError
from kt_http.wire import quirks_of

from .generate_parts import WIRE, item_of
from .generate_settings import settings_of

if TYPE_CHECKING:
    from kt import Message, Request, Tool, ToolCall, ToolResult

    from .generate_reply import GenerateReply

    Finder = Callable[[str], ToolCall | None]

NEWEST = 3
NO_SIGNATURE = "skip_thought_signature_validator"
_INSIDE = re.compile(r"image/|application/pdf$|text/plain$")
_TOOLS: "WeakKeyDictionary[Tool, dict[str, bytes]]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """What differs between the services and models that speak this wire.

    `origin` names the service: thoughts, signatures and unknown fields go back only to the one they came from.
    `generation` is that of the model, 0 for what its name says: from 3 on it takes a thinking level, media inside a
    function's response, and a schema beside functions. `tool_schema` is "json", or "openapi" for a service that knows
    only Google's own subset. `foreign_signature` stands for the one that a call of another service lacks; Google
    names it for this, and refuses a call of the running turn without one.
    """

    origin: str = ""
    generation: int = 0
    tool_schema: Literal["json", "openapi"] = "json"
    foreign_signature: str = NO_SIGNATURE

    def generation_of(self, model: str) -> int:
        """Return the generation of a model: 3 for one whose name does not tell."""
        found = re.search(r"gemini-(\d+)", model)
        return self.generation or (int(found[1]) if found else NEWEST)


class GenerateWire:
    """Google's generateContent; see kt_http.wire.Wire."""

    name = WIRE
    models_path = "/models?pageSize=1000"
    headers: Mapping[str, str] = {}
    auth: Mapping[str, str] = {"x-goog-api-key": "{}"}

    def __init__(self, options: GenerateOptions = GenerateOptions()) -> None:
        self.options = options

    def path(self, model: str) -> str:
        name = model if model.startswith("tunedModels/") else "models/" + model.removeprefix("models/")
        return f"/{quote(name)}:streamGenerateContent?alt=sse"

    def build(self, request: "Request", model: str) -> bytes:
        return build(request, model, self.options)

    def reply(self) -> "GenerateReply":
        from .generate_reply import GenerateReply

        return GenerateReply(self.options.origin)

    def models(self, body: bytes) -> list[str]:
        named = [entry for entry in json.loads(body)["models"] if _answers_us(entry)]
        return [str(entry["name"]).removeprefix("models/") for entry in named]


def _answers_us(entry: dict[str, Any]) -> bool:
    """Tell whether a model answers, and does not embed or make films."""
    methods = entry.get("supportedGenerationMethods")
    return not methods or "generateContent" in methods


def wire(origin: str, quirks: Mapping[str, Any]) -> GenerateWire:
    """Return the wire `gemini`. Raises ConfigError for a wrong quirk."""
    options = quirks_of(GenerateOptions, quirks, origin=origin)
    if options.tool_schema not in ("json", "openapi"):
        raise ConfigError(f"tool_schema is {options.tool_schema!r}", hint="json or openapi")
    if not isinstance(options.generation, int) or options.generation < 0:
        raise ConfigError(f"generation is {options.generation!r}", hint="2, 3, or 0 for what the model's name says")
    if not isinstance(options.foreign_signature, str):
        raise ConfigError(f"foreign_signature is {options.foreign_signature!r}", hint="a text, empty for none")
    return GenerateWire(options)


def build(request: "Request", model: str, options: GenerateOptions = GenerateOptions()) -> bytes:
    """Return the JSON body of a streaming request.

    Settings go where this wire has them, see `settings_of`; one that is None takes a default field away.
    """
    generation = options.generation_of(model)
    body = settings_of(request, generation, openapi=options.tool_schema == "openapi")
    tools = [_dump(tool) for tool in body.pop("tools", None) or ()]
    if request.tools:
        declared = b",".join(_tool(tool, options.tool_schema) for tool in request.tools)
        tools.append(b'{"functionDeclarations":[' + declared + b"]}")
    head = _dump(body)[1:-1]
    fields = [head] if head else []
    fields.append(b'"contents":[' + b",".join(_contents(request.messages, generation, options)) + b"]")
    if tools:
        fields.append(b'"tools":[' + b",".join(tools) + b"]")
    return b"{" + b",".join(fields) + b"}"


def _contents(history: "Sequence[Message]", generation: int, options: GenerateOptions) -> list[bytes]:
    """Return the contents of a request; the results of one turn are one, even where several messages hold them."""
    modern = generation >= NEWEST
    key = f"{WIRE}:{options.origin}:{modern:d}:{options.foreign_signature}"
    said: list[tuple[str, list[bytes]]] = []
    for position, message in enumerate(history):
        known = message.encoded
        if known is None:
            known = message.encoded = {}
        if key not in known:
            known[key] = encode(message, options, modern=modern, find=partial(_find, history, position))
        if not known[key]:
            continue
        role = "model" if message.role == "assistant" else "results" if _answers(message) else "user"
        if role == "results" and said and said[-1][0] == "results":
            said[-1][1].append(known[key])
        else:
            said.append((role, [known[key]]))
    return [_content(role, parts) for role, parts in said]


def _content(role: str, parts: list[bytes]) -> bytes:
    name = b"model" if role == "model" else b"user"
    return b'{"role":"' + name + b'","parts":[' + b",".join(parts) + b"]}"


def _answers(message: "Message") -> bool:
    return bool(message.parts) and message.parts[0].kind == "tool_result"


def _find(history: "Sequence[Message]", before: int, id: str) -> "ToolCall | None":
    """Return the last call of an id before a position."""
    for position in range(before - 1, -1, -1):
        for part in history[position].parts:
            if part.kind == "tool_call" and part.id == id:
                return part
    return None


def encode(
    message: "Message",
    options: GenerateOptions = GenerateOptions(),
    *,
    modern: bool = True,
    find: "Finder" = lambda id: None,
) -> bytes:
    """Return the parts that one message is on this wire, as JSON with commas between; empty where it has none.

    `find` returns the call that a result answers; `modern` puts media inside a function's response.
    """
    if message.role == "assistant":
        return b",".join(map(_dump, _assistant(message, options, modern)))
    results = [p for p in message.parts if p.kind == "tool_result"]
    items = [_response(r, find(r.call_id), options, modern) for r in results]
    items += [item for r in results for item in _beside(r, options, modern)]
    others = (item_of(p, options.origin) for p in message.parts if p.kind != "tool_result")
    items += [item for item in others if item and not _is_empty(item)]
    return b",".join(map(_dump, items))


def _assistant(message: "Message", options: GenerateOptions, modern: bool) -> list[dict[str, Any]]:
    """Return a model's parts; only what came from this service is signed, the first call of another gets a stand-in."""
    items: list[dict[str, Any]] = []
    lacking = modern and options.foreign_signature
    for part in message.parts:
        item = item_of(part, options.origin)
        if item is None or _is_empty(item):
            continue
        if part.kind == "tool_call" and lacking:
            if not _is_ours(part, options.origin):
                item["thoughtSignature"] = options.foreign_signature
            lacking = ""
        items.append(item)
    return items


def _is_empty(item: dict[str, Any]) -> bool:
    """Tell whether an item is a text that says nothing; the service refuses some of them."""
    return item.get("text") == "" and item.keys() <= {"text", "thought"}


def _is_ours(call: "ToolCall", origin: str) -> bool:
    own = (call.x or {}).get(WIRE) or {}
    return own.get("origin") == origin


def _response(result: "ToolResult", call: "ToolCall | None", options: GenerateOptions, modern: bool) -> dict[str, Any]:
    """Return a function's response, under the id of its call if the service gave that one."""
    own = ((call.x or {}).get(WIRE) or {}) if call is not None and _is_ours(call, options.origin) else {}
    given = (own.get("inner") or {}).get("id")
    said: dict[str, Any] = {"id": given} if given else {}
    said["name"] = result.name or (call.name if call is not None else "") or "unknown"
    said["response"] = {"error" if result.is_error else "output": result.text}
    if inside := [item_of(p, options.origin) for p in result.parts if modern and _fits(p)]:
        said["parts"] = inside
    return {"functionResponse": said}


def _fits(part: Any) -> bool:
    return part.kind == "media" and _INSIDE.match(part.mime) is not None


def _beside(result: "ToolResult", options: GenerateOptions, modern: bool) -> list[Any]:
    """Return what a function's response can't hold, for parts after the responses."""
    media = [item_of(p, options.origin) for p in result.parts if p.kind == "media" and not (modern and _fits(p))]
    return [{"text": f"What the tool call {result.name or result.call_id} returned:"}, *media] if media else []


def _tool(tool: "Tool", form: str) -> bytes:
    known = _TOOLS.setdefault(tool, {})
    if form not in known:
        said: dict[str, Any] = {"name": tool.name, "description": tool.description}
        if form == "json":
            said["parametersJsonSchema"] = tool.parameters
        else:
            from .schema import reduced

            parameters = reduced(tool.parameters)
            if parameters.get("properties"):  # an object of none is refused
                said["parameters"] = parameters
        known[form] = _dump(said)
    return known[form]


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
