"""The vectors of a session: matrices in the index, ranked with numpy, which is imported when they are used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from kt.errors import ConfigError

from .embedder import Embedding
from .index import Index
from .ranks import POOL
from .texts import new_texts, whole_text

if TYPE_CHECKING:
    import numpy

    Matrix: TypeAlias = "numpy.ndarray[Any, numpy.dtype[Any]]"

PASSAGE = 400
"""Characters that one vector stands for, at most: as many as a hit shows."""

PASSAGES = 64
"""Of one event, the first."""

EVENTS = 500
"""Events to embed before what was made is kept."""

CHUNK = 1024
"""Vectors of one row."""

_MEANINGLESS = frozenset({"agent_started", "agent_stopped", "llm_started", "session_created", "session_resumed"})
"""Kinds of events that hold names only, which would be near to every short question."""

_BITS = 6
"""A vector's key is the event's id, shifted by so many bits, plus the number of the passage."""


def models_of(index: Index) -> dict[str, int]:
    """Return how many vectors there are by the name of the embedder that made them."""
    return dict(index.db.execute("select model, sum(n) from vec group by model"))


def add_vectors(index: Index, embedding: Embedding) -> int:
    """Embed every event that has no vectors by this embedder yet; return how many vectors were made."""
    made, key = 0, f"vec:{embedding.name}"
    _numpy()
    while (upto := int(index.meta(key) or 0)) < index.upto:
        keys, passages, last = _next_passages(index, upto)
        vectors = _normal(embedding.embed(passages)) if passages else None
        with index.writing():
            if int(index.meta(key) or 0) != upto:
                continue  # another process made them meanwhile
            if vectors is not None:
                _append(index, embedding.name, keys, vectors)
                made += len(keys)
            index.set_meta(key, last)
            index.set_meta("embedder", embedding.registered)
    return made


def vector_ranks(index: Index, name: str, query: "Matrix", *, limit: int = POOL) -> list[tuple[int, int, float]]:
    """Return (event, passage, cosine) of the events nearest to a query's vector, the nearest first.

    Of an event the nearest passage counts; what is at a right angle or further is no hit.
    """
    np = _numpy()
    rows = index.db.execute("select n, ids, v from vec where model = ? order by chunk", (name,)).fetchall()
    if not rows:
        return []
    keys = np.concatenate([np.frombuffer(ids, np.int64) for _, ids, _ in rows])
    cosines = np.concatenate(
        [np.frombuffer(v, np.float16).reshape(n, -1).astype(np.float32) @ query for n, _, v in rows]
    )
    order = np.argsort(cosines, kind="stable")[::-1]  # of equals the newest
    found: dict[int, tuple[int, int, float]] = {}
    for position in order:
        if len(found) == limit or cosines[position] <= 0:
            break
        event, passage = int(keys[position]) >> _BITS, int(keys[position]) & (1 << _BITS) - 1
        found.setdefault(event, (event, passage, float(cosines[position])))
    return list(found.values())


def query_vector(embedding: Embedding, query: str) -> "Matrix":
    """Return the vector of a query, of length 1."""
    vector: Matrix = _normal(embedding.embed([query], query=True))[0]
    return vector


def passages_of(text: str) -> Iterator[str]:
    """Yield the first 64 passages of a text, each at most 400 characters, cut at a space where there is one."""
    start = count = 0
    while start < len(text) and count < PASSAGES:
        end = start + PASSAGE
        if end < len(text) and (space := max(text.rfind(" ", start, end), text.rfind("\n", start, end))) > start:
            end = space
        if piece := text[start:end].strip():
            yield piece
            count += 1
        start = end


def _next_passages(index: Index, upto: int) -> tuple[list[int], list[str], int]:
    """Return (keys, passages, last event) of the next events."""
    last = upto
    keys: list[int] = []
    passages: list[str] = []
    for event, new in new_texts(index.session, upto, min(EVENTS, index.upto - upto)):
        last = event.id
        told = new and event.kind not in _MEANINGLESS
        for number, passage in enumerate(passages_of(whole_text(event)) if told else ()):
            keys.append(last << _BITS | number)
            passages.append(passage)
    return keys, passages, last


def _append(index: Index, name: str, keys: list[int], vectors: "Matrix") -> None:
    """Keep vectors behind those there are: the last row is filled up before a new one is begun."""
    np = _numpy()
    ids = np.asarray(keys, np.int64)
    halves = vectors.astype(np.float16)
    row = index.db.execute(
        "select chunk, n, ids, v from vec where model = ? order by chunk desc limit 1", (name,)
    ).fetchone()
    chunk = 0
    if row is not None:
        chunk = row[0] + 1
        if row[1] < CHUNK:
            chunk = row[0]
            ids = np.concatenate([np.frombuffer(row[2], np.int64), ids])
            halves = np.concatenate([np.frombuffer(row[3], np.float16).reshape(row[1], -1), halves])
    for start in range(0, len(ids), CHUNK):
        some, matrix = ids[start : start + CHUNK], halves[start : start + CHUNK]
        values = (name, chunk + start // CHUNK, len(some), some.tobytes(), matrix.tobytes())
        index.db.execute("insert or replace into vec values(?, ?, ?, ?, ?)", values)


def _normal(vectors: Any) -> "Matrix":
    """Return vectors as rows of length 1; one without a length stays as it is."""
    np = _numpy()
    matrix = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    normal: Matrix = matrix / np.where(lengths > 0, lengths, 1)
    return normal


def _numpy() -> Any:
    """Return numpy. Raises ConfigError with the install line where it is missing."""
    try:
        import numpy
    except ImportError:
        raise ConfigError("vectors need numpy", hint="pip install 'kt-search[memory]'") from None
    return numpy
