"""The Chat Completions wire, answers: a pure assembler from chunks, or a whole body, to deltas and a Message.

Services differ most here; each branch that OpenAI's own format would not need says which service made it necessary.
"""

import json
from typing import TYPE_CHECKING, Any

from kt import Message, Opaque, Part, Refusal, Text, Thinking, ToolCall, Usage
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta, ToolCallDelta
from kt_http.errors import ErrorInStream, Malformed
from kt_http.wire import loads

from .chat import WIRE
from .chat_call import CallDraft

if TYPE_CHECKING:
    from typing import TypeAlias

    from kt.events import Event

    Delta: TypeAlias = str | ToolCall | Event

_MODELLED = frozenset({"choices", "usage", "id", "model", "object", "obfuscation"})
_CHOICE = frozenset({"index", "delta", "message", "finish_reason"})
_PLAIN = frozenset({"role", "content"})
_DELTA = _PLAIN | {"reasoning_content", "reasoning", "reasoning_details", "tool_calls", "refusal", "annotations"}
_FINISH = {
    "stop": "stop",
    "end_turn": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refusal",
    "refusal": "refusal",
    "sensitive": "refusal",
}
_TICKS_PER_USD = 10_000_000_000


class ChatReply:
    """Assemble one answer; see kt_http.exchange.Reply. `origin` names the service, for thinking sent back to it."""

    def __init__(self, origin: str = "") -> None:
        self.done = self.ended = False
        self._origin = origin
        self._top: dict[str, Any] = {}
        self._rest: list[dict[str, Any]] = []
        self._usage: dict[str, Any] | None = None
        self._finish = ""
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._field = ""
        self._details: list[dict[str, Any]] = []
        self._citations: list[Any] = []
        self._opaque: list[Any] = []
        self._refusal: list[str] = []
        self._calls: list[CallDraft] = []
        self._by_index: dict[Any, CallDraft] = {}

    def feed(self, event: str, data: bytes) -> "list[Delta]":
        """Take one event. Raises ErrorInStream for the service's error and Malformed for what is no chunk."""
        if data.startswith(b"[DONE]"):
            self.done = self.ended = True
            return self._complete_calls()
        out: list[Delta] = []
        try:
            self._chunk(event, loads(data), out)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise Malformed(f"{type(error).__name__}: {error} in {data[:80]!r}") from error
        return out

    def feed_body(self, body: bytes) -> "list[Delta]":
        """Take a whole body, from a service that does not stream. Raises as `feed` does."""
        out = self.feed("message", body)
        if not self._top.get("choices"):
            raise ErrorInStream(self._top)
        self.done = self.ended = True
        return [*out, *self._complete_calls()]

    def finish(self) -> Message:
        """Return the finished message. Raises TruncatedStream where neither finish_reason nor [DONE] has come."""
        if not self.ended:
            raise TruncatedStream("the answer ended without its end mark", hint="try again")
        return self.message()

    def message(self) -> Message:
        """Return what has come so far: thinking, text and other content, refusal, calls, in this order."""
        usage = self._usage or _table(self._top.get("x_groq")).get("usage")
        message = Message(
            "assistant",
            self._parts(),
            model=str(self._top.get("model") or ""),
            wire=WIRE,
            response_id=str(self._top.get("id") or ""),
            finish=self._normal_finish(),
            finish_raw=self._finish,
            usage=usage_of(usage) if usage else None,
            usage_raw=usage or None,
        )
        left = {k: v for k, v in self._top.items() if k not in _MODELLED and v is not None}
        if self._rest:
            left["deltas"] = self._rest
        if left:
            message.x = {WIRE: left}
        return message

    def _chunk(self, event: str, chunk: dict[str, Any], out: "list[Delta]") -> None:
        if event == "error" or chunk.get("error") or chunk.get("object") == "error":
            raise ErrorInStream(chunk.get("error") or chunk)
        self._top.update(chunk)
        if usage := chunk.get("usage"):
            self._usage = _table(usage)
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # n > 1: the first is the answer
            if delta := choice.get("delta"):
                self._delta(delta, out)
            elif whole := choice.get("message"):
                self._delta(whole, out, whole=True)
            if finish := choice.get("finish_reason"):
                self._end(finish, choice, out)
            if not choice.keys() <= _CHOICE:
                self._usage = _table(choice.get("usage")) or self._usage  # Moonshot
                self._keep(choice, _CHOICE | {"usage"})

    def _end(self, finish: str, choice: dict[str, Any], out: "list[Delta]") -> None:
        if finish == "error":
            raise ErrorInStream(choice.get("error") or "the service ended the answer with an error")
        self._finish, self.ended = str(finish), True
        if _FINISH.get(self._finish) != "length":
            out += self._complete_calls()

    def _keep(self, table: dict[str, Any], known: frozenset[str]) -> None:
        """Keep fields that nobody knows, fragment by fragment, for nobody knows how to join them."""
        rest = {k: v for k, v in table.items() if k not in known and v not in (None, "", [], {})}
        if rest and rest != (self._rest[-1] if self._rest else None):
            self._rest.append(rest)

    def _delta(self, delta: dict[str, Any], out: "list[Delta]", *, whole: bool = False) -> None:
        content = delta.get("content")
        if content.__class__ is str:
            if content:
                self._text.append(content)
                out.append(content)
        elif content:
            self._items(content, out)
        if delta.keys() <= _PLAIN:
            return
        for field in ("reasoning_content", "reasoning"):
            if (text := delta.get(field)) and isinstance(text, str):
                self._think(text, field, out)
                break
        for detail in delta.get("reasoning_details") or ():
            self._merge_detail(detail)
        for position, piece in enumerate(delta.get("tool_calls") or ()):
            self._tool_call(piece, position if whole else piece.get("index"), out)
        if refusal := delta.get("refusal"):
            self._refusal.append(str(refusal))
        self._citations += delta.get("annotations") or ()
        self._keep(delta, _DELTA)

    def _think(self, text: str, field: str, out: "list[Delta]") -> None:
        self._thinking.append(text)
        self._field = self._field or field
        out.append(ThinkingDelta(text))

    def _items(self, items: list[Any], out: "list[Delta]") -> None:
        """Take content that is a list (Mistral): text, thinking, and what nobody knows."""
        for item in items:
            kind = item.get("type")
            if kind == "text" and (said := str(item.get("text") or "")):
                self._text.append(said)
                out.append(said)
            elif kind == "thinking":
                inner = item.get("thinking") or ()
                text = inner if isinstance(inner, str) else "".join(i.get("text") or "" for i in inner)
                self._think(text, "content", out)
            elif kind != "text":
                self._opaque.append(item)

    def _merge_detail(self, detail: dict[str, Any]) -> None:
        """Join fragments of one reasoning detail (OpenRouter); its signature comes in one without text."""
        same = ("index", "type")
        for known in reversed(self._details):
            if detail.get("type") != "reasoning.encrypted" and all(known.get(k) == detail.get(k) for k in same):
                for name, value in detail.items():
                    if name in ("text", "summary"):
                        known[name] = (known.get(name) or "") + (value or "")
                    elif value:
                        known[name] = value
                return
        self._details.append(dict(detail))

    def _tool_call(self, piece: dict[str, Any], index: Any, out: "list[Delta]") -> None:
        function = piece.get("function") or {}
        id, name, args = str(piece.get("id") or ""), str(function.get("name") or ""), function.get("arguments")
        if args is not None and not isinstance(args, str):
            args = json.dumps(args, ensure_ascii=False)  # some send the object itself
        last = self._calls[-1] if self._calls else None
        call = last if index is None else self._by_index.get(index)
        # Ollama counts every call 0; others repeat id and name in each fragment, or give each a new id without a name.
        if call is None and not id and not name:
            raise ValueError(f"a fragment of a call that was not opened (index {index!r})")
        if call is None or (name and id and id != call.id) or (name and args and not id and call.is_whole()):
            if last is not None:
                out += last.complete()
            call = CallDraft(id, name, self._origin)
            self._calls.append(call)
            out.append(ToolCallDelta(call.id, args or "", name))
        elif args:
            out.append(ToolCallDelta(call.id, args, "" if call.name else name))
        if index is not None:
            self._by_index[index] = call
        call.name = call.name or name
        if args:
            call.args.append(args)
        call.keep(piece)

    def _complete_calls(self) -> "list[Delta]":
        return [delta for call in self._calls for delta in call.complete()]

    def _parts(self) -> list[Part]:
        parts: list[Part] = []
        if self._thinking or self._details:
            parts.append(self._thought())
        if self._text or self._citations:
            parts.append(Text("".join(self._text), citations=tuple(self._citations)))
        own = {WIRE: {"origin": self._origin}}
        parts += [Opaque(str(item.get("type")), item, x=own) for item in self._opaque]
        if self._refusal:
            parts.append(Refusal("".join(self._refusal)))
        return [*parts, *(call.finished() for call in self._calls)]

    def _thought(self) -> Thinking:
        own: dict[str, Any] = {"origin": self._origin, "field": self._field}
        if self._details:
            own["reasoning_details"] = self._details
        signature = next((d["signature"] for d in self._details if d.get("signature")), None)
        encrypted = next((d["data"] for d in self._details if d.get("data")), None)
        return Thinking("".join(self._thinking), signature, encrypted, x={WIRE: own})

    def _normal_finish(self) -> str:
        finish = _FINISH.get(self._finish, "other" if self._finish else "stop")
        if self._refusal:
            return "refusal"
        if self._calls and finish in ("stop", "other"):
            return "tool_calls"  # several services say "stop"
        return "stop" if finish == "tool_calls" and not self._calls else finish


def usage_of(raw: dict[str, Any]) -> Usage:
    """Return usage in our terms: input with what was cached, output with reasoning, cost in USD where it is said."""
    asked, made = _table(raw.get("prompt_tokens_details")), _table(raw.get("completion_tokens_details"))
    usage = Usage(
        input=_count(raw.get("prompt_tokens")),
        output=_count(raw.get("completion_tokens")),
        cached=_count(asked.get("cached_tokens") or raw.get("prompt_cache_hit_tokens") or raw.get("cached_tokens")),
        cache_write=_count(asked.get("cache_write_tokens")),
        reasoning=_count(made.get("reasoning_tokens")),
    )
    if _count(raw.get("total_tokens")) == usage.total + usage.reasoning:
        usage.output += usage.reasoning  # xAI leaves it out
    if isinstance(cost := raw.get("cost"), int | float):
        usage.cost = float(cost)
    elif isinstance(ticks := raw.get("cost_in_usd_ticks"), int):
        usage.cost = ticks / _TICKS_PER_USD
    return usage


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
