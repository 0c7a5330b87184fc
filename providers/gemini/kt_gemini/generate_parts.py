"""The parts of a model's Content and the parts they are to us, both ways, without loss.

`part_of(item, origin)` and `item_of(part, origin)` are inverse for every item of the same service; a function call's
decoding stands in `generate_call`, for its arguments may come in pieces. Source: Google's API reference, Content.
"""

import base64
import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from kt import Media, Opaque, ProviderItem, Text, Thinking

if TYPE_CHECKING:
    from kt import Part, ToolCall

WIRE = "gemini"
EXECUTED = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
"""What the service did itself."""

SIGNATURE = "thoughtSignature"
_MEDIA = {"inlineData": "data", "fileData": "fileUri"}
_DATA = ("text", *_MEDIA, *EXECUTED)


def part_of(item: dict[str, Any], origin: str) -> "Part":
    """Return the part of an item that is no function call. Raises TypeError and AttributeError for what is none."""
    kinds = [kind for kind in _DATA if item.get(kind) is not None]
    if kinds == ["text"] or (not kinds and isinstance(item.get(SIGNATURE), str)):
        return _spoken(item, origin)
    kind = kinds[0] if len(kinds) == 1 else ""
    if kind in _MEDIA and not item.get("thought") and (media := _media(item, kind, origin)) is not None:
        return media
    own = {WIRE: own_of(item, origin, item.keys() - {SIGNATURE})}
    if kind in EXECUTED:
        return ProviderItem(kind, str(item[kind].get("id") or ""), item, x=own)
    return Opaque(kind or next(iter(item), ""), item, x=own)


def own_of(item: dict[str, Any], origin: str, known: Collection[str]) -> dict[str, Any]:
    """Return what only this wire knows of an item: where it came from, its signature, its fields but the known."""
    own: dict[str, Any] = {"origin": origin}
    signed = isinstance(item.get(SIGNATURE), str)
    if signed:
        own[SIGNATURE] = item[SIGNATURE]
    if rest := {k: v for k, v in item.items() if k not in known and not (signed and k == SIGNATURE)}:
        own["part"] = rest
    return own


def _spoken(item: dict[str, Any], origin: str) -> Text | Thinking:
    text, thinks = item.get("text"), item.get("thought") is True
    if text is not None and not isinstance(text, str):
        raise TypeError(f"a text that is {type(text).__name__}")
    own = own_of(item, origin, {"text"} - {"text" if text is None else ""} | ({"thought"} if thinks else set()))
    if text is None:
        own["bare"] = True
    if not thinks:
        return Text(text or "", x={WIRE: own})
    return Thinking(text or "", own.pop(SIGNATURE, None), summary=True, x={WIRE: own})


def _media(item: dict[str, Any], kind: str, origin: str) -> Media | None:
    """Return data or an address as media, None where it is not all there."""
    inner, own = item[kind], own_of(item, origin, {kind})
    said, mime = inner.get(_MEDIA[kind]), inner.get("mimeType")
    known = {_MEDIA[kind]} | ({"mimeType"} if mime else set())
    if not isinstance(said, str) or not isinstance(mime or "", str):
        return None
    if rest := {k: v for k, v in inner.items() if k not in known}:
        own["inner"] = rest
    name = str(inner.get("displayName") or "")
    if kind == "fileData":
        return Media(mime or "", url=said, name=name, x={WIRE: own})
    try:
        data = base64.b64decode(said, validate=True)
    except ValueError:
        return None
    return Media(mime or "", data, name=name, x={WIRE: own}) if base64.b64encode(data).decode() == said else None


def item_of(part: "Part", origin: str) -> dict[str, Any] | None:
    """Return the item a part is on this wire, as it came where it came from the service at `origin`.

    None for what this service can't know: thinking, provider items and unknown items of another one.
    """
    own: dict[str, Any] = (part.x or {}).get(WIRE) or {}
    if own.get("origin", origin) != origin:
        own = {}
    if part.kind in ("provider_item", "opaque"):
        return part.data if "origin" in own else None
    if part.kind == "thinking" and "origin" not in own:
        return None
    said = dict(own.get("part") or {})
    signature = part.signature if part.kind == "thinking" else own.get(SIGNATURE)
    if signature is not None:
        said[SIGNATURE] = signature
    if part.kind == "thinking":
        said["thought"] = True
    if part.kind in ("text", "thinking", "refusal") and not own.get("bare"):
        said["text"] = part.text
    elif part.kind == "media":
        kind, field, value = _coded(part)
        mime = {"mimeType": part.mime} if part.mime else {}
        said[kind] = {**mime, **(own.get("inner") or {}), field: value}
    elif part.kind == "tool_call":
        said["functionCall"] = _called(part, own)
    return said


def _coded(media: Media) -> tuple[str, str, str]:
    if media.data is not None:
        return "inlineData", "data", base64.b64encode(media.data).decode()
    return "fileData", "fileUri", media.url or media.file_id or ""


def _called(call: "ToolCall", own: dict[str, Any]) -> dict[str, Any]:
    """Return a function call, with an id only if the service gave it one."""
    said = {"name": call.name, **(own.get("inner") or {})}
    if own.get("plain"):
        return {**said, "args": call.args_text}
    if call.args_text:
        said["args"] = _object(call.args_text)
    elif "origin" not in own:
        said["args"] = {}
    return said


def _object(text: str) -> dict[str, Any]:
    """Return the arguments as an object, empty where they are none: the wire can carry nothing else."""
    try:
        args = json.loads(text)
    except ValueError:
        return {}
    return args if isinstance(args, dict) else {}
