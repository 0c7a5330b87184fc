"""The chain over the events of a stream: each event's digest covers its own row and the digest before it."""

from collections.abc import Iterable
from hashlib import blake2b

SIZE = 16
"""Bytes of a digest."""


def first(uid: str, name: str, kind: str, parent: int | None) -> bytes:
    """Return what stands before the first event of a stream: it covers what the stream is."""
    return seal((uid, name, kind, parent))


def link(
    before: bytes, seq: int, parent: int | None, ts: int, turn: int | None, kind: str, ver: int, body: str
) -> bytes:
    """Return the digest of an event that follows the one with digest `before`."""
    head = f"{seq} {parent} {ts} {turn} {kind} {ver} {len(body)} "
    return blake2b(before + (head + body).encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


def seal(parts: Iterable[object]) -> bytes:
    """Return the digest of values that are kept together."""
    return blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()
