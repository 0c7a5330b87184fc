"""A conversation for reading elsewhere: turn by turn with what was said and done in each."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kt import Media, Message, Opaque, ProviderItem, Refusal, Text, Thinking, ToolCall, ToolResult, Usage

from .lines import clock, count, dollars, inert, one_line, took
from .messages import call_of, message_of, result_of
from .reader import SessionReader, StreamInfo
from .spending import usage_of
from .stored import StoredEvent

Body = dict[str, Any]


@dataclass(slots=True)
class Piece:
    """One thing that was said or done: `kind` is user, agent, thinking, call or note; `title` who said it, or the tool.

    A call has its arguments as `text`, and `result` (None: it has none), `failed` and `seconds`.
    """

    kind: str
    text: str = ""
    title: str = ""
    media: list[Media] = field(default_factory=list)
    result: str | None = None
    failed: bool = False
    seconds: float | None = None


@dataclass(slots=True)
class ShownTurn:
    """A turn with everything that was said in it; `number` is None for what lies between turns."""

    number: int | None = None
    started: float = 0.0
    ended: float | None = None
    status: str = "no end"
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    pieces: list[Piece] = field(default_factory=list)


def shown_turns(events: Iterable[StoredEvent]) -> Iterator[ShownTurn]:
    """Yield the turns of a stream, told by its events in order, and what lies between them where there is something."""
    turn, said = ShownTurn(), _Said()
    for event in events:
        if event.kind == "turn_started":
            if turn.number is not None or turn.pieces:
                yield turn
            turn = ShownTurn(event.body["turn"], event.time)
        said.take(event, turn)
        if event.kind == "turn_ended":
            yield turn
            turn = ShownTurn()
    if turn.number is not None or turn.pieces:
        yield turn


class _Said:
    """Make pieces of events; a message that two events tell of becomes one."""

    def __init__(self) -> None:
        self._added: list[Body] = []
        self._told: list[Body] = []
        self._calls: dict[str, Piece] = {}
        self._early: dict[str, Piece] = {}

    def take(self, event: StoredEvent, turn: ShownTurn) -> None:
        """Add what an event tells to its turn."""
        body = event.body
        if event.kind == "message_added":
            if not _both(body["message"], self._told, self._added):
                self._message(message_of(body["message"]), turn, "")
        elif event.kind in ("turn_started", "input_accepted", "llm_ended"):
            if event.kind == "llm_ended":
                turn.usage.add(usage_of(body))
            if "message" in body and not _both(body["message"], self._added, self._told):
                self._message(message_of(body["message"]), turn, body.get("source", ""))
        elif event.kind == "tool_ended":
            self._ended(call_of(body["call"]), result_of(body["result"]), body.get("seconds"), turn)
        elif event.kind == "turn_ended":
            turn.ended, turn.status = event.time, body["result"].get("status", "ok")
            turn.error = (body["result"].get("error") or {}).get("message", "")
        elif (note := _note(event)) is not None:
            turn.pieces.append(Piece("note", note))

    def _message(self, message: Message, turn: ShownTurn, source: str) -> None:
        if message.role == "user":
            title = "" if source == "user" else source
            turn.pieces.append(Piece("user", message.text, title, _media(message.parts)))
        if message.role != "assistant":
            self._results(message)
            return
        cut_off = "cut off" if message.finish == "aborted" else ""
        for part in message.parts:
            if isinstance(part, ToolCall):
                self._asked(part, turn)
            elif isinstance(part, Text | Refusal):
                turn.pieces.append(Piece("agent", part.text, "refusal" if isinstance(part, Refusal) else cut_off))
            elif isinstance(part, Thinking) and part.text:
                turn.pieces.append(Piece("thinking", part.text))
            elif isinstance(part, ProviderItem | Opaque):
                turn.pieces.append(Piece("note", f"{part.type}: {json.dumps(part.data, ensure_ascii=False)}"))
            elif isinstance(part, Media):
                turn.pieces.append(Piece("agent", media=[part]))

    def _asked(self, call: ToolCall, turn: ShownTurn) -> None:
        """Put a call where the reply has it, also one that ran before the reply was complete."""
        piece = self._early.pop(call.id, None)
        turn.pieces = [p for p in turn.pieces if p is not piece]
        self._calls[call.id] = piece or _piece(call)
        turn.pieces.append(self._calls[call.id])

    def _ended(self, call: ToolCall, result: ToolResult, seconds: float | None, turn: ShownTurn) -> None:
        piece = self._calls.get(call.id)
        if piece is None:
            piece = self._early[call.id] = _piece(call)
            turn.pieces.append(piece)
        _settle(piece, result, seconds)

    def _results(self, message: Message) -> None:
        """Take the results that the model was given; those of calls that never ran are nowhere else."""
        for part in message.parts:
            if isinstance(part, ToolResult) and (piece := self._calls.pop(part.call_id, None)) and piece.result is None:
                _settle(piece, part, None)


def _both(message: Body, others: list[Body], own: list[Body]) -> bool:
    """Tell whether the other event with this message was there already; if not, wait for it."""
    if message["role"] != "tool" and message in others:
        others.remove(message)
        return True
    own[:] = [*own[-3:], message]
    return False


def _piece(call: ToolCall) -> Piece:
    known = call.arguments
    return Piece(
        "call", call.args_text if known is None else json.dumps(known, ensure_ascii=False, indent=2), call.name
    )


def _settle(piece: Piece, result: ToolResult, seconds: float | None) -> None:
    piece.result, piece.failed, piece.seconds = result.text, result.is_error, seconds
    piece.media = _media(result.parts)


def _media(parts: Iterable[Any]) -> list[Media]:
    return [part for part in parts if isinstance(part, Media)]


def _note(event: StoredEvent) -> str | None:
    """Return what is said of an event that is no message; None for one that is left out."""
    body = event.body
    match event.kind:
        case "history_edited":
            whose = f" by {body['by']}" if body.get("by") else ""
            texts = [text for data in body["messages"] if (text := message_of(data).text)]
            what = f"{count(body['stop'] - body['start'], 'message')} of the context were replaced{whose}"
            return "\n\n".join([f"{what} by {count(len(body['messages']), 'message')}.", *texts])
        case "refused":
            return f"Refused: {body['what']}: {body['why']}"
        case "question_asked":
            return f"Asked: {body['text']}" + (f" ({' / '.join(body['choices'])})" if body.get("choices") else "")
        case "question_answered":
            return f"Answered: {body['answer']}"
        case "session_resumed":
            return "The session was resumed." + (" Its last turn had no end." if body.get("interrupted") else "")
        case "session_rewound":
            return f"The conversation went back to the end of turn {body['turn']}."
    return None


def facts(turn: ShownTurn) -> str:
    """Return when a turn was, how long it took, what it used, and how it ended if not well."""
    said = [clock(turn.started)]
    if turn.ended is not None:
        said.append(took(turn.ended - turn.started))
    said += [count(turn.usage.total, "token")] if turn.usage.total else []
    said += [dollars(turn.usage.cost)] if turn.usage.cost is not None else []
    if turn.status != "ok":
        said.append(turn.status + (f": {one_line(turn.error)}" if turn.error else ""))
    return " · ".join(said)


def heading(piece: Piece) -> str:
    """Return the one line that stands for a piece which is folded: a tool and how it went, for one."""
    if piece.kind != "call":
        return piece.kind.capitalize() if piece.kind == "thinking" else one_line(piece.text, 100)
    return f"{one_line(piece.title, 60)} {one_line(piece.text, 60)}: {outcome(piece)}"


def outcome(call: Piece) -> str:
    """Return how a call went, and how long it took."""
    ended = "no result" if call.result is None else "error" if call.failed else "ok"
    return ended if call.seconds is None else f"{ended}, {took(call.seconds)}"


def is_short(piece: Piece) -> bool:
    """Tell whether a piece is a note that needs no folding."""
    return piece.kind == "note" and heading(piece) == inert(piece.text)


def chapters(reader: SessionReader, agent: str | None = None) -> list[tuple[str, StreamInfo]]:
    """Return the streams of a session in which something happened, or those of one agent, each with a title."""
    streams = reader.streams if agent is None else reader.family(agent)
    names = {info.id: info.name for info in reader.streams}
    return [
        (info.name if info.parent is None else f"{info.name}, {info.kind} of {names[info.parent]}", info)
        for info in streams
        if info.last
    ]


def told(reader: SessionReader, info: StreamInfo) -> Iterator[ShownTurn]:
    """Yield what a stream tells: the turns of an agent; the events of a journal as notes."""
    events = reader.path_events(info.id)
    if info.kind != "graph":
        yield from shown_turns(events)
    else:
        yield ShownTurn(pieces=[Piece("note", f"{clock(e.time)} {e.kind} {_fields(e)}") for e in events])


def _fields(event: StoredEvent) -> str:
    return json.dumps(event.body, ensure_ascii=False, default=lambda data: count(len(data), "byte"))
