"""The Responses wire, answers: a pure assembler from typed events, or a whole body, to deltas and a Message.

A finished item is the truth, its deltas are for display. Items are told apart by their place (`output_index`), for
some services give an item another id in every event.
"""

import json
from typing import TYPE_CHECKING, Any

from kt import Message, Part, ToolCall, Usage
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta, ToolCallDelta
from kt_http.errors import ErrorInStream, Malformed
from kt_http.wire import loads

from .responses_items import ARGUMENTS, WIRE, parts_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from kt.events import Event

    Delta: TypeAlias = str | ToolCall | Event

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_THINKS = ("response.reasoning_text.delta", "response.reasoning_summary_text.delta")
_ARGS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_CUT = {"max_output_tokens": "length", "max_tokens": "length", "content_filter": "refusal"}
_BROKEN = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class ResponsesReply:
    """Assemble one answer; see kt_http.exchange.Reply. `origin` names the service, for what goes back to it alone."""

    def __init__(self, origin: str = "") -> None:
        self.done = self.ended = False
        self._origin = origin
        self._response: dict[str, Any] = {}
        self._status = ""
        self._parts: dict[int, list[Part]] = {}
        self._drafts: dict[int, dict[str, Any]] = {}

    def feed(self, event: str, data: bytes) -> "list[Delta]":
        """Take one event. Raises ErrorInStream for the service's error and Malformed for what is no event."""
        if data.startswith(b"[DONE]"):
            self.done = True
            return []
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
            if table.get("error") and "output" not in table:
                raise ErrorInStream(table["error"])
            self._end(table, out)
            for parts in self._parts.values():
                out += [p.text for p in parts if p.kind == "text" and p.text]
        except _BROKEN as error:
            raise Malformed(f"{type(error).__name__}: {error} in {body[:80]!r}") from error
        return out

    def finish(self) -> Message:
        """Return the Message. Raises TruncatedStream without the end mark."""
        if not self.ended:
            raise TruncatedStream("the stream ended before response.completed")
        return self.message()

    def message(self) -> Message:
        """Return what has come so far as a Message, its items in their places. Raises Malformed for a broken item."""
        parts = dict(self._parts)
        try:
            for place, draft in self._drafts.items():
                if place not in parts:
                    parts[place] = parts_of(_from_deltas(draft), self._origin)
        except _BROKEN as error:
            raise Malformed(f"{type(error).__name__}: {error}") from error
        usage, response = self._response.get("usage"), self._response
        left = {k: response[k] for k in ("incomplete_details", "service_tier") if response.get(k)}
        said = [part for place in sorted(parts) for part in parts[place]]
        return Message(
            "assistant",
            said,
            model=str(response.get("model") or ""),
            wire=WIRE,
            response_id=str(response.get("id") or ""),
            finish=self._finish(said),
            finish_raw=self._status,
            usage=usage_of(usage) if isinstance(usage, dict) else None,
            usage_raw=usage or None,
            x={WIRE: left} if left else None,
        )

    def _finish(self, parts: list[Part]) -> str:
        if self._status == "incomplete":
            return _CUT.get(str((self._response.get("incomplete_details") or {}).get("reason")), "other")
        if any(part.kind == "refusal" for part in parts):
            return "refusal"
        if any(part.kind == "tool_call" for part in parts):
            return "tool_calls"
        return "stop" if self._status in ("completed", "") else "other"

    def _event(self, kind: str, table: dict[str, Any], out: "list[Delta]") -> None:
        if kind == "error":
            self._status = "failed"
            raise ErrorInStream(table)
        if kind == "response.output_text.delta":
            self._draft(table, "text").append(table["delta"])
            if table["delta"]:
                out.append(table["delta"])
        elif kind in _THINKS:
            field = "content" if kind == _THINKS[0] else "summary"
            self._draft(table, field).append(table["delta"])
            out.append(ThinkingDelta(table["delta"]))
        elif kind == "response.refusal.delta":
            self._draft(table, "refusal").append(table["delta"])
        elif kind in _ARGS:
            self._draft(table, "args").append(table["delta"])
            call = self._drafts[self._place(table)]["item"]
            out.append(ToolCallDelta(str(call.get("call_id") or call.get("id") or ""), table["delta"]))
        elif kind == "response.output_item.added":
            self._added(table, out)
        elif kind == "response.output_item.done":
            self._item(self._place(table), table["item"], out)
        elif kind in _ENDS:
            self._end(table["response"], out)
        elif kind in ("response.created", "response.in_progress"):
            self._response.update(table["response"])

    def _place(self, table: dict[str, Any]) -> int:
        place = table.get("output_index")
        return place if isinstance(place, int) else max(self._drafts, default=0)

    def _draft(self, table: dict[str, Any], field: str) -> list[str]:
        """Return the list that collects the deltas of one kind, of the item they belong to."""
        if not isinstance(table["delta"], str):
            raise TypeError(f"a delta that is {type(table['delta']).__name__}")
        draft = self._drafts.setdefault(self._place(table), {"item": {}})
        pieces: list[str] = draft.setdefault(field, [])
        return pieces

    def _added(self, table: dict[str, Any], out: "list[Delta]") -> None:
        place, item = table.get("output_index"), table["item"]
        self._drafts[place if isinstance(place, int) else max(self._drafts, default=-1) + 1] = {"item": item}
        if item.get("type") in ARGUMENTS:
            out.append(ToolCallDelta(str(item.get("call_id") or item.get("id") or ""), "", str(item.get("name") or "")))

    def _item(self, place: int, item: dict[str, Any], out: "list[Delta]") -> None:
        parts = self._parts[place] = parts_of(item, self._origin)
        out += [part for part in parts if isinstance(part, ToolCall)]

    def _end(self, response: dict[str, Any], out: "list[Delta]") -> None:
        self._response.update({k: v for k, v in response.items() if v is not None})
        self._status = str(response.get("status") or "completed")
        if self._status == "failed":
            raise ErrorInStream(response.get("error") or "the service ended the answer with an error")
        # ChatGPT's own service ends with an empty list; others only here say what they did.
        output = response.get("output") or ()
        if len(self._parts) < len(output):
            for place, item in enumerate(output):
                if place not in self._parts:
                    self._item(place, item, out)
        self.done = self.ended = True


def _from_deltas(draft: dict[str, Any]) -> dict[str, Any]:
    """Return the item that deltas make, where its end never came."""
    item = dict(draft["item"])
    if item.get("type") in ARGUMENTS or "args" in draft:
        field = ARGUMENTS.get(str(item.get("type")), "arguments")
        return {"type": "function_call", **item, field: "".join(draft.get("args", ())) or item.get(field) or ""}
    if "text" in draft or "refusal" in draft:
        texts = (("output_text", "text"), ("refusal", "refusal"))
        content = [{"type": kind, field: "".join(draft[field])} for kind, field in texts if field in draft]
        return {"type": "message", "role": "assistant", **item, "content": content}
    if "content" in draft or "summary" in draft:
        found = (("summary", "summary_text"), ("content", "reasoning_text"))
        said = {f: [{"type": kind, "text": "".join(draft[f])}] for f, kind in found if f in draft}
        return {"type": "reasoning", **item, **said}
    return item


def usage_of(raw: dict[str, Any]) -> Usage:
    """Return usage in our terms: input with what was cached, output with reasoning, cost in USD where it is said."""
    asked, made = raw.get("input_tokens_details"), raw.get("output_tokens_details")
    usage = Usage(
        input=_count(raw, "input_tokens"),
        output=_count(raw, "output_tokens"),
        cached=_count(asked, "cached_tokens"),
        cache_write=_count(asked, "cache_write_tokens"),
        reasoning=_count(made, "reasoning_tokens"),
    )
    if isinstance(cost := raw.get("cost"), int | float):
        usage.cost = float(cost)
    return usage


def _count(table: object, name: str) -> int:
    value = table.get(name) if isinstance(table, dict) else None
    return int(value) if isinstance(value, int | float) else 0
