"""The items of the Responses wire and the parts they are to us, both ways, without loss.

`parts_of(item)` and `item_of(parts)` are inverse for every item of the same service. Source: OpenAI's API reference,
Responses.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kt import Opaque, ProviderItem, Refusal, Text, Thinking, ToolCall

if TYPE_CHECKING:
    from kt import Part

WIRE = "responses"
ARGUMENTS = {"function_call": "arguments", "custom_tool_call": "input"}
_SAID = frozenset({"type", "text", "refusal", "annotations"})


def parts_of(item: dict[str, Any], origin: str) -> "list[Part]":
    """Return the parts of one output item. Raises TypeError and AttributeError for what is none."""
    kind = str(item.get("type"))
    if kind == "message":
        return _spoken(item, origin)
    if kind == "reasoning":
        return [_thought(item, origin)]
    if kind in ARGUMENTS:
        field = ARGUMENTS[kind]
        rest = {k: v for k, v in item.items() if k not in ("call_id", "name", field)}
        id, name = str(item.get("call_id") or item.get("id") or ""), str(item.get("name") or "")
        own = {**rest, "origin": origin}
        return [ToolCall(id, name, str(item.get(field) or ""), x={WIRE: own})]
    return [ProviderItem(kind, str(item.get("id") or ""), item, x={WIRE: {"origin": origin}})]


def _spoken(item: dict[str, Any], origin: str) -> "list[Part]":
    """Return the parts of a message item; the first one keeps the item's own fields, the others follow it."""
    parts: list[Part] = []
    head: Any = {k: v for k, v in item.items() if k != "content"}
    for piece in item.get("content") or ():
        left = {k: v for k, v in piece.items() if k not in _SAID}
        own = {"origin": origin, "item": head, "piece": left}
        if piece.get("type") == "output_text":
            if "annotations" not in piece:
                own["bare"] = True
            citations = tuple(piece.get("annotations") or ())
            parts.append(Text(str(piece.get("text") or ""), citations=citations, x={WIRE: own}))
        elif piece.get("type") == "refusal":
            parts.append(Refusal(str(piece.get("refusal") or ""), x={WIRE: own}))
        else:
            parts.append(Opaque(str(piece.get("type")), piece, x={WIRE: own}))
        head = None
    return parts or [Opaque("message", item, x={WIRE: {"origin": origin}})]


def _thought(item: dict[str, Any], origin: str) -> Thinking:
    """Return a reasoning item: its summary, then its text; what is sent back is the item itself."""
    pieces = [*(item.get("summary") or ()), *(item.get("content") or ())]
    own: dict[str, Any] = {"origin": origin, "item": {k: v for k, v in item.items() if k != "encrypted_content"}}
    if "encrypted_content" in item:
        own["encrypted"] = True
    text = "".join(str(piece.get("text") or "") for piece in pieces)
    return Thinking(text, encrypted=item.get("encrypted_content"), summary=bool(item.get("summary")), x={WIRE: own})


def items_of(parts: "Sequence[Part]", origin: str) -> "Iterator[dict[str, Any]]":
    """Yield the items that parts came from, as they came, for parts of the service at `origin`; others as new items.

    Thinking, provider items and unknown items of another service are left out.
    """
    spoken: dict[str, Any] | None = None
    ours = False
    for part in parts:
        own = (part.x or {}).get(WIRE) or {}
        same = own.get("origin") == origin
        piece = _piece(part, own, same)
        if piece is not None:
            if spoken is None or same is not ours or (same and own.get("item") is not None):
                if spoken is not None:
                    yield spoken
                ours, head = same, own.get("item") if same else None
                spoken = {**(head or {"type": "message", "role": "assistant"}), "content": []}
            spoken["content"].append(piece)
            continue
        if spoken is not None:
            yield spoken
            spoken = None
        if (item := _item(part, own, same)) is not None:
            yield item
    if spoken is not None:
        yield spoken


def _piece(part: "Part", own: dict[str, Any], same: bool) -> dict[str, Any] | None:
    """Return a part as content of a message item, None for one that is an item itself."""
    left = own.get("piece", {}) if same else {}
    if part.kind == "text":
        notes = {} if same and own.get("bare") else {"annotations": list(part.citations) if same else []}
        return {"type": "output_text", "text": part.text, **notes, **left}
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": part.text, **left}
    return part.data if part.kind == "opaque" and same and "piece" in own else None


def _item(part: "Part", own: dict[str, Any], same: bool) -> dict[str, Any] | None:
    if part.kind == "tool_call":
        rest = {k: v for k, v in own.items() if k != "origin"} if same else {"type": "function_call"}
        field = ARGUMENTS.get(str(rest.get("type")), "arguments")
        return {**rest, "call_id": part.id, "name": part.name, field: part.args_text}
    if not same:
        return None
    if part.kind == "thinking":
        return {**own["item"], **({"encrypted_content": part.encrypted} if own.get("encrypted") else {})}
    return part.data if part.kind in ("provider_item", "opaque") else None
