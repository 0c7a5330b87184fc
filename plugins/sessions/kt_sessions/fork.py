"""Fork a session: a file of its own that shares the past up to a turn, and goes on by itself."""

from pathlib import Path

from .copies import copy
from .ends import tail
from .events import SessionForked
from .offline import append
from .reader import SessionReader
from .rewind import end_of_turn


def fork(source: Path, target: Path, *, turn: int | None = None, stream: int | str | None = None) -> int:
    """Copy a session up to the end of a turn (None: all of it) into a new file; return its events.

    The turn is one of the agent `stream` (None: the first); what others did until then is copied as well, even where
    that is the middle of a turn. The source may be running. Raises NotFound for a turn or an agent it has not,
    CannotCreate where `target` can't be made.
    """
    with SessionReader(source) as reader:
        named = turn is not None or stream is not None
        info = reader.stream(stream) if named or reader.agents else None
        connection = reader.connection
        connection.execute("begin")  # one state of a file that is being written
        last = tail(connection)[0]
        if turn is not None and info is not None:
            seq = end_of_turn(connection, info.id, turn, source)
            row = connection.execute("select id from event where stream = ? and seq = ?", (info.id, seq)).fetchone()
            last = row[0] if row else 0
        count, damage = copy(connection, reader.bodies, target, last)
        connection.execute("commit")
    if damage is not None:
        target.unlink()
        raise damage
    if count and info is not None:
        append(target, info.id, SessionForked(str(source), last))
    return count
