"""Anthropic's Messages wire, answers: a pure assembler from events, or a whole body, to deltas and a Message."""

import json
from typing import TYPE_CHECKING, Any

from kt import Message, Part, ToolCall, Usage
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta, ToolCallDelta
from kt_http.errors import ErrorInStream, Malformed
from kt_http.wire import loads

from .blocks import WIRE, part_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from kt.events import Event

    Delta: TypeAlias = str | ToolCall | Event

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
_MODELLED = frozenset({"id", "type", "role", "model", "content", "stop_reason", "usage"})
_JOINED = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_BROKEN = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class Draft:
    """One block while its deltas come."""

    __slots__ = ("block", "json", "pieces")

    def __init__(self, block: dict[str, Any]) -> None:
        _text(block["type"])
        self.block = dict(block)
        self.pieces: dict[str, list[str]] = {}
        self.json: list[str] | None = None

    def take(self, delta: dict[str, Any]) -> None:
        """Take a delta. Raises KeyError and TypeError for what is none."""
        kind = delta["type"]
        if kind == "input_json_delta":
            if self.json is None:
                self.json = []
            self.json.append(_text(delta["partial_json"]))
        elif kind == "citations_delta":
            self.block["citations"] = [*(self.block.get("citations") or ()), delta["citation"]]
        elif kind in _JOINED:
            self.pieces.setdefault(_JOINED[kind], []).append(_text(delta[_JOINED[kind]]))
        else:
            self._grow({k: v for k, v in delta.items() if k != "type"})

    def _grow(self, fields: dict[str, Any]) -> None:
        """Take a delta that nobody knows: text goes on where there is text, anything else takes the place."""
        for name, value in fields.items():
            before = self.block.get(name)
            self.block[name] = before + value if isinstance(before, str) and isinstance(value, str) else value

    def part(self, origin: str) -> Part:
        """Return what the block is so far."""
        block, args = dict(self.block), None
        for field, pieces in self.pieces.items():
            block[field] = str(block.get(field) or "") + "".join(pieces)
        if self.json is not None and (text := "".join(self.json)):
            if block["type"] == "tool_use":
                args = text
            else:
                block["input"] = _loads(text)
        elif block["type"] == "tool_use" and not block.get("input"):
            args = ""
        return part_of(block, origin, args=args)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # cut; the item is kept as far as it came


class MessagesReply:
    """Assemble one answer; see kt_http.exchange.Reply. `origin` names the service, for what goes back to it alone."""

    def __init__(self, origin: str = "") -> None:
        self.done = self.ended = False
        self._origin = origin
        self._top: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._parts: list[Part | Draft] = []
        self._open: dict[Any, int] = {}

    def feed(self, event: str, data: bytes) -> "list[Delta]":
        """Take one event. Raises ErrorInStream for the service's error and Malformed for what is no event."""
        out: list[Delta] = []
        try:
            table = loads(data)
            self._event(str(table.get("type") or event), table, out)
        except _BROKEN as error:
            raise Malformed(f"{type(error).__name__}: {error} in {data[:80]!r}") from error
        return out

    def feed_body(self, body: bytes) -> "list[Delta]":
        """Take a whole answer that was not streamed."""
        out: list[Delta] = []
        try:
            table = json.loads(body)
            if table.get("type") == "error" or "content" not in table:
                raise ErrorInStream(table.get("error") or table)
            self._start(table, out)
            self.done = self.ended = table.get("stop_reason") is not None
        except _BROKEN as error:
            raise Malformed(f"{type(error).__name__}: {error} in {body[:80]!r}") from error
        return out

    def finish(self) -> Message:
        """Return the Message. Raises TruncatedStream without the end mark."""
        if not self.ended:
            raise TruncatedStream("the stream ended before message_stop")
        return self.message()

    def message(self) -> Message:
        """Return what has come so far as a Message, its blocks in their order. Raises Malformed for a broken block."""
        try:
            parts = [p.part(self._origin) if isinstance(p, Draft) else p for p in self._parts]
        except _BROKEN as error:
            raise Malformed(f"{type(error).__name__}: {error}") from error
        left = {k: v for k, v in self._top.items() if k not in _MODELLED and v is not None}
        raw = str(self._top.get("stop_reason") or "")
        calls = any(part.kind == "tool_call" for part in parts)
        finish = _FINISH.get(raw, "other" if raw else "stop")
        return Message(
            "assistant",
            parts,
            model=str(self._top.get("model") or ""),
            wire=WIRE,
            response_id=str(self._top.get("id") or ""),
            finish="tool_calls" if calls and finish == "stop" else finish,
            finish_raw=raw,
            usage=usage_of(self._usage) if self._usage else None,
            usage_raw=self._usage or None,
            x={WIRE: left} if left else None,
        )

    def _event(self, kind: str, table: dict[str, Any], out: "list[Delta]") -> None:
        if kind == "content_block_delta":
            self._delta(table, out)
        elif kind == "content_block_start":
            self._begin(table, out)
        elif kind == "content_block_stop":
            place = self._open.pop(table.get("index"), None)
            draft = self._parts[place] if place is not None else None
            if place is not None and isinstance(draft, Draft):
                part = self._parts[place] = draft.part(self._origin)
                out += [part] if isinstance(part, ToolCall) else []
        elif kind == "message_start":
            self._start(table["message"], out)
        elif kind == "message_delta":
            self._top.update({k: v for k, v in (table.get("delta") or {}).items() if v is not None})
            self._top.update({k: v for k, v in table.items() if k not in ("type", "delta", "usage") and v is not None})
            self._count(table.get("usage"))
        elif kind == "message_stop":
            self.done = self.ended = True
        elif kind == "error":
            raise ErrorInStream(table.get("error") or table)

    def _start(self, message: dict[str, Any], out: "list[Delta]") -> None:
        """Take the head of an answer, which may have blocks already; gateways send it twice."""
        again = self._top.get("id") is not None and bool(self._parts)
        self._top.update({k: v for k, v in message.items() if v is not None})
        self._count(message.get("usage"))
        for block in () if again else message.get("content") or ():
            part = part_of(block, self._origin)
            self._parts.append(part)
            out += _shown(part)

    def _count(self, usage: dict[str, Any] | None) -> None:
        """Take counts, which are cumulative: what is said again takes the place of what was said."""
        self._usage.update({k: v for k, v in (usage or {}).items() if v is not None or k not in self._usage})

    def _begin(self, table: dict[str, Any], out: "list[Delta]") -> None:
        draft = Draft(table["content_block"])
        self._open[table.get("index")] = len(self._parts)
        self._parts.append(draft)
        block = draft.block
        if block["type"] == "tool_use":
            out.append(ToolCallDelta(str(block["id"]), "", str(block["name"])))
        elif block["type"] == "text" and block.get("text"):
            out.append(str(block["text"]))

    def _delta(self, table: dict[str, Any], out: "list[Delta]") -> None:
        delta = table["delta"]
        place = self._open.get(table.get("index"))
        if place is None:
            raise ValueError(f"a delta of a block that was not opened (index {table.get('index')!r})")
        draft = self._parts[place]
        assert isinstance(draft, Draft)
        draft.take(delta)
        kind = delta["type"]
        if kind == "text_delta" and delta["text"]:
            out.append(delta["text"])
        elif kind == "thinking_delta" and delta["thinking"]:
            out.append(ThinkingDelta(delta["thinking"]))
        elif kind == "input_json_delta" and draft.block["type"] == "tool_use":
            out.append(ToolCallDelta(str(draft.block["id"]), delta["partial_json"]))


def _shown(part: Part) -> "list[Delta]":
    """Return the deltas of a part that came whole."""
    if isinstance(part, ToolCall):
        return [part]
    if part.kind == "thinking" and part.text:
        return [ThinkingDelta(part.text)]
    return [part.text] if part.kind == "text" and part.text else []


def usage_of(raw: dict[str, Any]) -> Usage:
    """Return usage in our terms: this service leaves what was cached, and what it wrote to the cache, out of input."""
    read, written = _number(raw, "cache_read_input_tokens"), _number(raw, "cache_creation_input_tokens")
    return Usage(_number(raw, "input_tokens") + read + written, _number(raw, "output_tokens"), read, written)


def _number(raw: dict[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) else 0
