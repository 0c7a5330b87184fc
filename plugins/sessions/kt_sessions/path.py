"""The path through a stream that was taken back to earlier events: which of its events still count."""

import sqlite3

Range = tuple[int, int]


def path_to(connection: sqlite3.Connection, stream: int, head: int) -> list[Range]:
    """Return the (first, last) numbers of the events that lead to event `head`, in order."""
    rows = connection.execute(
        "select seq, parent from event where stream = ? and parent is not null and seq <= ? order by seq desc",
        (stream, head),
    )
    ranges, end = [], head
    for seq, parent in rows:
        if seq > end:
            continue
        ranges.append((seq, end))
        end = parent
    if end:
        ranges.append((1, end))
    return ranges[::-1]


def branches(connection: sqlite3.Connection, stream: int) -> list[int]:
    """Return the last event of each path that was left, oldest first."""
    rows = connection.execute(
        "select seq from event where stream = ? and parent is not null order by seq", (stream,)
    ).fetchall()
    return [seq - 1 for (seq,) in rows]
