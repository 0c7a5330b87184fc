"""The turns of a stream, one after the other as its events are read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kt import ToolCall, ToolRecord, Usage

from .messages import call_of, message_of, result_of
from .stored import StoredEvent


@dataclass(slots=True)
class TurnRecord:
    """One turn as it was; times in seconds since the epoch, `first` and `last` are ids of events.

    `status` is as in TurnResult, "interrupted" where the process ended in it, or "running". `usage` is the sum of
    its model calls, `error` the line that ended it.
    """

    number: int
    user_text: str = ""
    assistant_text: str = ""
    tool_calls: list[ToolRecord] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    status: str = "running"
    started: float = 0.0
    ended: float | None = None
    source: str = "user"
    model: str = ""
    error: str = ""
    first: int = 0
    last: int = 0


def turns(events: Iterable[StoredEvent]) -> Iterator[TurnRecord]:
    """Yield the turns that the events tell of."""
    turn: TurnRecord | None = None
    for event in events:
        if event.kind in ("turn_started", "session_resumed") and turn is not None:
            turn.status = "interrupted"
            yield turn
            turn = None
        if event.kind == "turn_started":
            turn = _started(event)
        elif turn is not None:
            turn.last = event.id
            _take(turn, event)
            if event.kind == "turn_ended":
                yield turn
                turn = None
    if turn is not None:
        yield turn


def _started(event: StoredEvent) -> TurnRecord:
    body = event.body
    said = message_of(body["message"]).text if "message" in body else ""
    return TurnRecord(body["turn"], said, source=body["source"], started=event.time, first=event.id, last=event.id)


def _take(turn: TurnRecord, event: StoredEvent) -> None:
    body = event.body
    if event.kind == "llm_ended":
        reply = message_of(body["message"])
        turn.usage.add(Usage(**body["usage"]) if "usage" in body else reply.usage or Usage())
        turn.model = reply.model or turn.model
        turn.assistant_text = reply.text
        for call in reply.tool_calls:
            turn.tool_calls.append(_record(call))
    elif event.kind == "tool_ended":
        _result(turn, body)
    elif event.kind == "message_added" and body["message"].get("role") == "tool":
        for part in body["message"]["parts"]:
            _end(turn, result_of(part), None)
    elif event.kind == "turn_ended":
        result: dict[str, Any] = body["result"]
        turn.status, turn.ended = result.get("status", "ok"), event.time
        turn.assistant_text = result.get("text", turn.assistant_text)
        turn.error = (result.get("error") or {}).get("message", "")


def _record(call: ToolCall) -> ToolRecord:
    return ToolRecord(call.id, call.name, call.args_text if call.arguments is None else call.arguments)


def _result(turn: TurnRecord, body: dict[str, Any]) -> None:
    call = call_of(body["call"])
    if not any(record.id == call.id for record in turn.tool_calls):
        turn.tool_calls.append(_record(call))
    _end(turn, result_of(body["result"]), body.get("seconds", 0.0))


def _end(turn: TurnRecord, result: Any, seconds: float | None) -> None:
    for record in reversed(turn.tool_calls):
        if record.id == result.call_id:
            record.error, record.result = (result.text, None) if result.is_error else (None, result.text)
            record.duration = record.duration if seconds is None else seconds
            return
