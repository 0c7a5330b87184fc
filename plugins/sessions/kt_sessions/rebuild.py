"""From a file back to what an agent was: its conversation, state, and what a crash left unfinished."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kt import Message, ToolResult

from . import chain
from .fold import Fold, Ref
from .messages import message_of, result_of
from .path import path_to
from .stored import COLUMNS, Bodies, StoredEvent

CLOSE = 8
"""Events between two messages that are read along, because that is quicker than to read each for itself."""


@dataclass(slots=True)
class Rebuilt:
    """What an agent was at an event: its fold, with everything the fold refers to.

    `finished` are results of background jobs that the model has not heard of, `partial` is the text of an answer that
    was being streamed.
    """

    fold: Fold
    history: list[Message]
    state: dict[str, Any]
    saved: dict[str, Any]
    results: dict[str, ToolResult]
    questions: list[dict[str, Any]] = field(default_factory=list)
    finished: list[ToolResult] = field(default_factory=list)
    partial: str = ""


def fold_to(connection: sqlite3.Connection, bodies: Bodies, stream: int, head: int) -> Fold:
    """Return the fold of a stream up to an event: from its snapshot where that is on the way, else from the start."""
    fold = _snapshot(connection, bodies, stream, head)
    for first, last in path_to(connection, stream, head):
        if last > fold.seq:
            for event in read(connection, bodies, stream, max(first, fold.seq + 1), last):
                fold.feed(event.kind, event.seq, event.body)
    return fold


def rebuild(connection: sqlite3.Connection, bodies: Bodies, stream: int, head: int) -> Rebuilt:
    """Return what the agent of a stream was at an event. Raises SessionDamaged."""
    with bodies.readable():
        fold = fold_to(connection, bodies, stream, head)
        fold.settle()
        for first, last in _stretches(sorted(ref[0] for ref in fold.history)):
            bodies.read_ahead(stream, first, last)
        history = [message_at(bodies, stream, ref) for ref in fold.history]
        return Rebuilt(
            fold,
            history,
            {key: bodies.at(stream, seq)["value"] for key, seq in fold.state.items()},
            {name: bodies.at(stream, seq)["state"] for name, seq in fold.saved.items()},
            {id: result_of(bodies.at(stream, seq)["result"]) for id, seq in fold.ended.items()},
            [bodies.at(stream, seq) for seq in fold.questions.values()],
            [result_of(bodies.at(stream, seq)["result"]) for seq in fold.finished.values()],
            _partial(connection, bodies, stream, fold),
        )


def _partial(connection: sqlite3.Connection, bodies: Bodies, stream: int, fold: Fold) -> str:
    """Return the text of an answer that was cut, "" where the last one is whole. Raises SessionDamaged."""
    row = connection.execute(
        "select p.seq, p.text, p.h, e.h from partial p left join event e on e.stream = p.stream and e.seq = p.seq "
        "where p.stream = ?",
        (stream,),
    ).fetchone()
    if row is None:
        return ""
    seq, text, seal, digest = row
    if not (isinstance(seq, int) and isinstance(digest, bytes)) or chain.seal((digest.hex(), text)) != seal:
        raise bodies.damaged("the answer that was being streamed is not what was written")
    return "" if fold.history and seq < max(ref[0] for ref in fold.history) else str(text)


def _stretches(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of events that hold the given ones close together, with what a message refers to before."""
    start = end = None
    for number in numbers:
        if start is not None and end is not None and number - end > CLOSE:
            yield start, end
            start = None
        start, end = max(1, number - CLOSE) if start is None else start, number
    if start is not None and end is not None:
        yield start, end


def message_at(bodies: Bodies, stream: int, ref: Ref) -> Message:
    """Return the message that a reference names."""
    body = bodies.at(stream, ref[0])
    return message_of(body["messages"][ref[1]] if len(ref) > 1 else body["message"])


def read(connection: sqlite3.Connection, bodies: Bodies, stream: int, first: int, last: int) -> Iterator[StoredEvent]:
    """Yield the events of a stream by number. Raises SessionDamaged at the first that is missing or wrong."""
    rows = connection.execute(
        f"select {COLUMNS} from event where stream = ? and seq between ? and ? order by seq", (stream, first, last)
    )
    at = first
    for row in rows:
        if row[2] != at:
            raise bodies.damaged(f"event {at} of stream {stream} is missing")
        yield bodies.event(row)
        at += 1
    if at <= last:
        raise bodies.damaged(f"event {at} of stream {stream} is missing")


def keep_snapshot(fold: Fold) -> str:
    """Return the text of a snapshot."""
    return json.dumps(fold.data(), ensure_ascii=False, separators=(",", ":"))


def _snapshot(connection: sqlite3.Connection, bodies: Bodies, stream: int, head: int) -> Fold:
    """Return the fold that a snapshot keeps; an empty one where none leads to `head`."""
    row = connection.execute(
        "select s.seq, s.body, s.h, e.h from snapshot s join event e on e.stream = s.stream and e.seq = s.seq "
        "where s.stream = ?",
        (stream,),
    ).fetchone()
    if row is None or not any(first <= row[0] <= last for first, last in path_to(connection, stream, head)):
        return Fold()
    if chain.seal((row[3].hex(), row[1])) != row[2]:
        return Fold()  # a damaged snapshot is not needed: the events are all there, and verified
    return Fold(**json.loads(row[1]))
