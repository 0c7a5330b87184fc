"""What an event says: its texts, whatever its kind, without what an earlier event of the same turn said already."""

from collections.abc import Iterator, Mapping
from itertools import chain, pairwise
from typing import Any

from .session import Session, StoredEvent

ECHOES = frozenset({"message_added", "llm_started", "tool_started", "turn_ended"})
"""Kinds that mostly repeat: of them only what is new counts."""

OWN = "search_memory"
"""The tool whose calls and results say nothing: they repeat what was found, and would be found instead of it."""

LOOK_BACK = 200
"""Events to read again, before the first new one, for what they said."""

MAX_TEXT = 1_000_000
"""Characters of an event that are indexed; what a tool returns at most is far less."""

_MARKS = """kind type mime x cache signature encrypted encrypted_content usage status id call_id origin source effect
arguments"""
_SILENT = frozenset(_MARKS.split())
"""Keys of what is not said: marks, numbers, bytes, and `arguments`, which is `args_text` once more."""


def new_texts(session: Session, after: int, limit: int) -> Iterator[tuple[StoredEvent, str]]:
    """Yield (event, what it says anew) for at most `limit` events with an id above `after`, "" for nothing new."""
    said, count = _Said(), 0
    events = session.events(max(0, after - LOOK_BACK))
    for event, following in pairwise(chain[StoredEvent | None](events, (None,))):
        if event is None:
            return
        text = "" if _announces(event, following) else said.anew(event)
        if event.id > after:
            yield event, text
            count += 1
            if count == limit:
                return


def _announces(event: StoredEvent, following: StoredEvent | None) -> bool:
    """Tell whether the next event is the reply's own, which says the same: a reply joins the conversation first."""
    if event.kind != "message_added" or following is None or following.kind != "llm_ended":
        return False
    return following.stream == event.stream and following.body.get("message") == event.body.get("message")


class _Said:
    """Remember what each stream said in its turn."""

    def __init__(self) -> None:
        self._turns: dict[int, tuple[int | None, set[int] | None]] = {}

    def anew(self, event: StoredEvent) -> str:
        pieces = pieces_of(event.body)
        turn, said = self._turns.get(event.stream, (None, None))
        if said is None or turn != event.turn:
            self._turns[event.stream] = event.turn, (said := set())
        if event.kind in ECHOES:
            pieces = [piece for piece in pieces if hash(piece) not in said]
        said.update(map(hash, pieces))
        call = event.body.get("call")
        if isinstance(call, dict) and call.get("name") == OWN:
            return ""
        return _joined(pieces)


def _joined(pieces: list[str]) -> str:
    return "\n".join(pieces)[:MAX_TEXT]


def pieces_of(body: Mapping[str, Any]) -> list[str]:
    """Return the texts in an event's body, in their order."""
    pieces: list[str] = []
    _gather(body, pieces)
    return pieces


def _gather(value: Any, pieces: list[str]) -> None:
    """Append the texts in JSON data; lists and not generators, because a first index gathers millions."""
    kind = value.__class__
    if kind is str:
        if value:
            pieces.append(value)
    elif kind is dict:
        if value.get("name") == OWN and value.get("kind") == "tool_call":
            return
        if "parts" in value and "role" in value:  # of a message the parts are what is said
            _gather(value["parts"], pieces)
            return
        for key, inner in value.items():
            if key not in _SILENT and not (key == "data" and inner.__class__ is str):  # a file in base64
                _gather(inner, pieces)
    elif kind is list:
        for inner in value:
            _gather(inner, pieces)


def whole_text(event: StoredEvent) -> str:
    """Return all that an event says, a line for each piece."""
    return _joined(pieces_of(event.body))


def role_of(event: StoredEvent) -> str:
    """Return who speaks in an event: user, assistant, tool, or "" where nobody does."""
    message = event.body.get("message")
    if isinstance(message, dict):
        return str(message.get("role", ""))
    return "tool" if event.kind.startswith("tool_") else ""
