"""The Gemini wire, answers: a pure assembler from chunks, or a whole body, to deltas and a Message.

No mark ends a stream: it is whole if some chunk said why it ended, wherever that chunk stood.
"""

from typing import TYPE_CHECKING, Any

from kt import Message, Part, Text, Thinking, Usage
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta, ToolCallDelta
from kt_http.errors import ErrorInStream, Malformed
from kt_http.wire import loads

from .generate_call import CallDraft
from .generate_parts import SIGNATURE, WIRE, part_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from kt import ToolCall
    from kt.events import Event

    Delta: TypeAlias = str | ToolCall | Event

_MODELLED = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_CANDIDATE = frozenset({"content", "finishReason", "index"})
_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "BLOCKLIST": "refusal",
    "SPII": "refusal",
    "MODEL_ARMOR": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
}
_SOURCES = (
    ("groundingMetadata", "groundingChunks"),
    ("citationMetadata", "citations"),
    ("citationMetadata", "citationSources"),
)
_UNSAID = ("FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED")
_BROKEN = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class GenerateReply:
    """Assemble one answer; see kt_http.exchange.Reply. `origin` names the service, for what is sent back to it."""

    def __init__(self, origin: str = "") -> None:
        self.done = self.ended = False
        self._origin = origin
        self._parts: list[Part | CallDraft] = []
        self._pieces: list[str] = []
        self._open: CallDraft | None = None
        self._top: dict[str, Any] = {}
        self._rest: list[dict[str, Any]] = []
        self._finish = ""
        self._blocked = False
        self._model = self._id = ""
        self._usage: dict[str, Any] | None = None
        self._counts: dict[str, Any] | None = None

    def feed(self, event: str, data: bytes) -> "list[Delta]":
        """Take one event. Raises ErrorInStream for the service's error and Malformed for what is no chunk."""
        if not data.strip() or data.startswith(b"[DONE]"):
            return []  # gateways fill a silence with nothing, or end with what another wire ends with
        return self._take(data)[1]

    def feed_body(self, body: bytes) -> "list[Delta]":
        """Take a whole body: one answer, or a list of the chunks of one. Raises as `feed` does."""
        table, out = self._take(body)
        if isinstance(table, dict):
            if not table.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
                raise ErrorInStream(table)
            self.ended = self.ended or bool(table.get("candidates"))
        return out

    def finish(self) -> Message:
        """Return the finished message. Raises TruncatedStream where nothing has said why the answer ended."""
        if not self.ended:
            raise TruncatedStream("the answer ended without a finishReason", hint="try again")
        return self.message()

    def message(self) -> Message:
        """Return what has come so far, its parts as they came."""
        self._join()
        whole = self._finish == "STOP"
        parts = [part.finished(whole) if isinstance(part, CallDraft) else part for part in self._parts]
        self._cite(parts)
        left = {**self._top, **({"candidate": self._rest} if self._rest else {})}
        return Message(
            "assistant",
            parts,
            model=self._model,
            wire=WIRE,
            response_id=self._id,
            finish=self._normal_finish(),
            finish_raw=self._finish,
            usage=usage_of(self._counts) if self._counts else None,
            usage_raw=self._usage,
            x={WIRE: left} if left else None,
        )

    def _take(self, data: bytes) -> "tuple[Any, list[Delta]]":
        out: list[Delta] = []
        try:
            table = loads(data)
            for chunk in table if isinstance(table, list) else (table,):
                self._chunk(chunk, out)
        except _BROKEN as error:
            raise Malformed(f"{type(error).__name__}: {error} in {data[:80]!r}") from error
        return table, out

    def _chunk(self, chunk: dict[str, Any], out: "list[Delta]") -> None:
        if error := chunk.get("error"):
            raise ErrorInStream(error)
        if usage := chunk.get("usageMetadata"):
            self._usage = dict(usage)
            if any(name.endswith("TokenCount") for name in usage):
                self._counts = self._usage  # early ones tell the trafficType only
        self._model = str(chunk.get("modelVersion") or self._model)
        self._id = str(chunk.get("responseId") or self._id)
        for candidate in chunk.get("candidates") or ():
            if candidate.get("index"):
                continue  # candidateCount > 1: the first is the answer
            content = candidate.get("content") or {}
            for position, item in enumerate(content.get("parts") or ()):
                self._part(item, position == 0, out)
            self._end(candidate)
        if not chunk.keys() <= _MODELLED:
            self._top.update((k, v) for k, v in chunk.items() if k not in _MODELLED and v is not None)
            blocked = (chunk.get("promptFeedback") or {}).get("blockReason")
            if blocked and blocked not in _UNSAID:
                self._blocked = self.ended = True

    def _end(self, candidate: dict[str, Any]) -> None:
        finish = candidate.get("finishReason")
        if finish and finish not in _UNSAID:
            self._finish, self.ended = str(finish), True
        if not candidate.keys() <= _CANDIDATE:
            rest = {k: v for k, v in candidate.items() if k not in _CANDIDATE and v not in (None, "", [], {})}
            if rest and rest != (self._rest[-1] if self._rest else None):
                self._rest.append(rest)

    def _part(self, item: dict[str, Any], first: bool, out: "list[Delta]") -> None:
        if item.get("functionCall") is not None:
            self._call(item, out)
            return
        part = part_of(item, self._origin)
        if isinstance(part, Text | Thinking):
            if part.text:
                out.append(part.text if part.kind == "text" else ThinkingDelta(part.text))
            if first and self._goes_on(part):
                self._pieces.append(part.text)
                return
            self._join()
            self._pieces = [part.text]
        else:
            self._join()
        self._parts.append(part)

    def _goes_on(self, part: Text | Thinking) -> bool:
        """Tell whether a part is a piece of the last one; a signature belongs to its own part alone."""
        last = self._parts[-1] if self._parts else None
        if type(last) is not type(part) or not isinstance(last, Text | Thinking) or last.x != part.x:
            return False
        signatures = [p.signature for p in (last, part) if isinstance(p, Thinking)]
        return SIGNATURE not in (part.x or {})[WIRE] and not any(s is not None for s in signatures)

    def _join(self) -> None:
        """Give the last part its text; what came in pieces is joined once."""
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Text | Thinking) and len(self._pieces) > 1:
            last.text = "".join(self._pieces)
            self._pieces = [last.text]

    def _call(self, item: dict[str, Any], out: "list[Delta]") -> None:
        call, draft = item["functionCall"], self._open
        name, id = call.get("name") or "", call.get("id")
        goes_on = draft is not None and (not name or (name == draft.name and id in (None, draft.given)))
        if draft is not None and not goes_on:
            out += draft.complete()
        if draft is None or not goes_on:
            if not call and any(isinstance(part, CallDraft) for part in self._parts):
                return  # the mark that ends a call, once more
            self._join()
            draft = CallDraft(item, self._origin)
            self._parts.append(draft)
            new = draft.take(item)
            out.append(ToolCallDelta(draft.id, new.text if new else "", draft.name))
        elif new := draft.take(item):
            out.append(new)
        self._open = draft if call.get("willContinue") else None
        if self._open is None:
            out += draft.complete()

    def _cite(self, parts: list[Part]) -> None:
        """Give the answer's text the sources that were named beside it."""
        found: list[Any] = []
        for rest in self._rest:
            for table, name in _SOURCES:
                inner = rest.get(table)
                said = inner.get(name) if isinstance(inner, dict) else None
                found += said if isinstance(said, list) else ()
        texts = [part for part in parts if isinstance(part, Text) and part.text]
        if found and texts:
            texts[-1].citations = tuple(found)

    def _normal_finish(self) -> str:
        if self._blocked and not self._finish:
            return "refusal"
        finish = _FINISH.get(self._finish, "other" if self._finish else "stop")
        calls = any(isinstance(part, CallDraft) for part in self._parts)
        return "tool_calls" if calls and finish == "stop" else finish


def usage_of(raw: dict[str, Any]) -> Usage:
    """Return usage in our terms. The service counts four things, whose sum is its total.

    Tokens of tools it ran itself went into the model as the prompt did and are charged so: they are input. Thoughts
    are output. What was cached is in the prompt's count already.
    """
    prompt, tools = _count(raw, "promptTokenCount"), _count(raw, "toolUsePromptTokenCount")
    said, thought = _count(raw, "candidatesTokenCount"), _count(raw, "thoughtsTokenCount")
    return Usage(prompt + tools, said + thought, _count(raw, "cachedContentTokenCount"), reasoning=thought)


def _count(raw: dict[str, Any], name: str) -> int:
    value = raw.get(name)
    return int(value) if isinstance(value, int) or (isinstance(value, float) and value.is_integer()) else 0
