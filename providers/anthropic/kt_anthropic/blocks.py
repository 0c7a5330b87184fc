"""The content blocks of Anthropic's wire and the parts they are to us, both ways, without loss.

`part_of(block, origin)` and `block_of(part, origin)` are inverse for every block of the same service. Source:
Anthropic's API reference, Messages.
"""

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from kt import ProviderItem, Text, Thinking, ToolCall
from kt.errors import ConfigError

if TYPE_CHECKING:
    from kt import Media, Part, ToolResult

WIRE = "anthropic"
_ID = re.compile(r"[^a-zA-Z0-9_-]")
MAX_ID = 64


def part_of(block: dict[str, Any], origin: str, *, args: str | None = None) -> "Part":
    """Return the part of a block; `args` is the text its input came as. Raises TypeError for what is none."""
    kind = str(block["type"])
    own: dict[str, Any] = {"origin": origin}

    def rest(*known: str) -> dict[str, Any]:
        left = {k: v for k, v in block.items() if k not in ("type", *known)}
        return {WIRE: {**own, **({"block": left} if left else {})}}

    if kind == "text":
        cited = block.get("citations")
        if isinstance(cited, list):
            own["cited"] = True
        else:
            cited = ()
        known = ("text", "citations") if own.get("cited") else ("text",)
        return Text(_str(block["text"]), citations=tuple(cited), x=rest(*known))
    if kind == "thinking":
        text, signature = _str(block.get("thinking") or ""), block.get("signature")
        known = ("thinking", *(("signature",) if isinstance(signature, str) else ()))
        return Thinking(text, signature if isinstance(signature, str) else None, x=rest(*known))
    if kind == "redacted_thinking":
        return Thinking("", encrypted=_str(block["data"]), redacted=True, x=rest("data"))
    if kind == "tool_use":
        text = args if args is not None else _dump(block.get("input") or {})
        return ToolCall(_str(block["id"]), _str(block["name"]), text, x=rest("id", "name", "input"))
    return ProviderItem(kind, str(block.get("id") or block.get("tool_use_id") or ""), block, x={WIRE: own})


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def block_of(part: "Part", origin: str) -> dict[str, Any] | None:
    """Return the block a part is on this wire, as it came where it came from the service at `origin`.

    None for what this service can't know: thinking, provider items and unknown items of another one.
    """
    own: dict[str, Any] = (part.x or {}).get(WIRE) or {}
    same = own.get("origin") == origin
    rest = (own.get("block") or {}) if same else {}
    if part.kind == "text":
        cited = {"citations": list(part.citations)} if same and own.get("cited") else {}
        return {"type": "text", "text": part.text, **cited, **rest}
    if part.kind == "refusal":
        return {"type": "text", "text": part.text}
    if part.kind == "tool_call":
        return {"type": "tool_use", "id": safe_id(part.id), "name": part.name, "input": _input(part.args_text), **rest}
    if part.kind == "media":
        return media(part)
    if not same:
        return None
    if part.kind == "thinking" and part.redacted:
        return {"type": "redacted_thinking", "data": part.encrypted, **rest}
    if part.kind == "thinking":
        signed = {"signature": part.signature} if part.signature is not None else {}
        return {"type": "thinking", "thinking": part.text, **signed, **rest}
    return part.data if part.kind in ("provider_item", "opaque") else None


def _input(text: str) -> dict[str, Any]:
    """Return a call's arguments as the object that this wire wants, empty where they are none."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def safe_id(id: str) -> str:
    """Return a call's id, under another name where it has characters or a length that this wire refuses."""
    if id and len(id) <= MAX_ID and not _ID.search(id):
        return id
    return "call_" + hashlib.sha256(id.encode()).hexdigest()[:24]


def result_of(result: "ToolResult") -> dict[str, Any]:
    """Return the block of a tool's result: text alone as text, with pictures and files as blocks."""
    said: dict[str, Any] = {"type": "tool_result", "tool_use_id": safe_id(result.call_id)}
    if any(p.kind == "media" for p in result.parts):
        said["content"] = [b for p in result.parts if (b := _shown(p)) is not None]
    elif result.text:
        said["content"] = result.text
    return {**said, "is_error": True} if result.is_error else said


def _shown(part: "Part") -> dict[str, Any] | None:
    if part.kind == "text":
        return {"type": "text", "text": part.text} if part.text.strip() else None
    return media(part) if part.kind == "media" else None


def media(part: "Media") -> dict[str, Any]:
    """Return an image or document block. Raises ConfigError for what this wire can't carry."""
    rest = ((part.x or {}).get(WIRE) or {}).get("block") or {}
    kind = "image" if part.mime.startswith("image/") else "document"
    name = {"title": part.name} if part.name and kind == "document" else {}
    if part.file_id is not None:
        return {"type": kind, "source": {"type": "file", "file_id": part.file_id}, **name, **rest}
    if part.url is not None:
        return {"type": kind, "source": {"type": "url", "url": part.url}, **name, **rest}
    data = part.data or b""
    if kind == "image" or part.mime == "application/pdf":
        coded = base64.b64encode(data).decode()
        return {"type": kind, "source": {"type": "base64", "media_type": part.mime, "data": coded}, **name, **rest}
    if part.mime.startswith("text/"):
        text = data.decode("utf-8", "replace")
        return {"type": kind, "source": {"type": "text", "media_type": "text/plain", "data": text}, **name, **rest}
    raise ConfigError(f"Anthropic's wire can't carry {part.mime or 'a file'}", hint="images, PDF and text go")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
