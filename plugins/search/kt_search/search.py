"""One search over one session or several: words, meaning, or both fused."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from kt import Host
from kt.errors import ConfigError, KTError, UsageError

from .embedder import Embedding, embedding_of
from .index import Index, with_index
from .ranks import text_ranks
from .session import open_session
from .snippets import Snippets
from .texts import role_of, whole_text
from .vectors import add_vectors, models_of, passages_of, query_vector, vector_ranks
from .words import Term, indexable, terms_of, without_stop_words

T = TypeVar("T")
Progress: TypeAlias = Callable[[int, int], None]
Mode: TypeAlias = Literal["fts", "semantic", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)

K = 60
"""Of reciprocal rank fusion: how little the first places differ."""


@dataclass(frozen=True, slots=True)
class Place:
    """An event of a session; `passage` is the part of it that is nearest in meaning, None where words were found."""

    session: Path
    event: int
    passage: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found: `text` is a snippet with snippets.BEGIN and END around what matched, `time` in seconds.

    `score` orders the hits of one search and says nothing beyond it.
    """

    session: Path
    event: int
    stream: str
    turn: int | None
    time: float
    kind: str
    role: str
    text: str
    score: float


@dataclass(slots=True)
class Found:
    """The hits, the best first, the `mode` in which they were found, and `notes` on what was not as it should be."""

    hits: list[Hit]
    mode: Mode
    notes: list[str]


@dataclass(slots=True)
class Query:
    """What is looked for. `mode` None: hybrid where there are vectors, else fts.

    `embedder` is a registered name, "" for the one that made a session's vectors; `settings` are those of embedders,
    by name.
    """

    text: str
    mode: Mode | None = None
    limit: int = 10
    embedder: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _unseen(done: int, total: int) -> None:
    """Show nothing."""


async def find(host: Host, paths: Sequence[Path], query: Query, progress: Progress = _unseen) -> Found:
    """Return the hits in sessions, each indexed to its last event before.

    `progress` is called with (sessions searched, all of them), from another thread.

    Raises UsageError for a query without words, ConfigError where vectors are asked for and there are none, NotFound
    and DataError for what is no session.
    """
    terms = terms_of(query.text)
    if not terms:
        raise UsageError(f"there is no letter and no digit in {query.text!r}", hint="search for words")
    work = _Work(paths, terms, query, progress)
    await asyncio.to_thread(work.look_at_words)
    mode = query.mode or ("hybrid" if work.embedders else "fts")
    if mode != "fts":
        try:
            name = work.embedder()
            embedding = await embedding_of(host, name, query.settings.get(name, {}))
            await asyncio.to_thread(work.look_at_meaning, embedding)
        except KTError as error:
            if query.mode is not None:
                raise
            work.notes.append(f"only words were searched: {error.line()}")
            mode = "fts"
    best = work.ranked(mode)[: query.limit]
    return Found(await asyncio.to_thread(work.hits, best), mode, work.notes)


class _Work:
    """The steps of one search. The methods that open sessions block."""

    def __init__(self, paths: Sequence[Path], terms: list[Term], query: Query, progress: Progress) -> None:
        self.paths, self.terms, self.query, self.progress = list(paths), terms, query, progress
        self.notes: list[str] = []
        self.embedders: dict[Path, str] = {}
        """The sessions with vectors, and the registered name of what made the last."""
        self._words: list[list[Place]] = []
        self._telling: list[list[Place]] = []
        """The ranking without the stop words, for a fused one."""
        self._meaning: list[tuple[Place, float]] = []

    def look_at_words(self) -> None:
        """Rank what holds the words, and see where there are vectors.

        Of several sessions one that can't be read is left out, with a note; of one it is raised.
        """
        telling = without_stop_words(self.terms)

        def work(index: Index) -> tuple[list[int], list[int], str | None, bool]:
            ids = text_ranks(index, self.terms)
            some = ids if telling == self.terms else text_ranks(index, telling)
            return ids, some, index.meta("embedder") if models_of(index) else None, index.temporary

        for number, path in enumerate(paths := list(self.paths)):
            self.progress(number, len(paths))
            try:
                ids, some, embedder, temporary = _in_index(path, work)
            except KTError as error:
                if len(self.paths) == 1:
                    raise
                self.paths.remove(path)
                self.notes.append(f"{path.stem} is left out: {error.line()}")
                continue
            if embedder:
                self.embedders[path] = embedder
            if temporary:
                self.notes.append(f"{path.parent} can't be written: the index of {path.stem} was made for this search")
            self._words.append([Place(path, id) for id in ids])
            self._telling.append([Place(path, id) for id in some])

    def embedder(self) -> str:
        """Return the name of the embedder to use. Raises ConfigError where no session has vectors."""
        if name := self.query.embedder or next(iter(self.embedders.values()), ""):
            return name
        raise _no_vectors(self.paths)

    def look_at_meaning(self, embedding: Embedding) -> None:
        """Rank what is near in meaning, in the sessions that have vectors by this embedder."""
        vector = query_vector(embedding, self.query.text)

        def work(index: Index) -> list[tuple[int, int, float]] | None:
            if embedding.name not in models_of(index):
                return None
            add_vectors(index, embedding)
            return vector_ranks(index, embedding.name, vector)

        without = []
        for number, path in enumerate(self.paths):
            self.progress(number, len(self.paths))
            ranks = _in_index(path, work)
            if ranks is None:
                without.append(path)
            self._meaning += [(Place(path, id, passage), cosine) for id, passage, cosine in ranks or ()]
        self._meaning.sort(key=lambda found: -found[1])
        if len(without) == len(self.paths):
            raise _no_vectors(self.paths, embedding)
        if without:
            self.notes.append(f"{len(without)} of {len(self.paths)} sessions have no vectors by {embedding.name}")

    def ranked(self, mode: Mode) -> list[tuple[Place, float]]:
        """Return the places, the best first, with their scores."""
        if mode == "semantic":
            return self._meaning
        rankings = [list(_interleaved(self._words if mode == "fts" else self._telling))]
        if mode == "hybrid":
            rankings.append([place for place, _ in self._meaning])
        scores: dict[Place, float] = {}
        for ranking in rankings:
            for rank, place in enumerate(ranking, 1):
                scores[place] = scores.get(place, 0.0) + 1 / (K + rank)
        return sorted(scores.items(), key=lambda item: -item[1])

    def hits(self, ranked: Sequence[tuple[Place, float]]) -> list[Hit]:
        """Return the hits at places, in their order."""
        found: dict[Place, Hit] = {}
        snippets = Snippets(self.terms)
        try:
            for path in dict.fromkeys(place.session for place, _ in ranked):
                here = [(place, score) for place, score in ranked if place.session == path]
                found.update(zip([place for place, _ in here], _hits_in(path, here, snippets), strict=True))
        finally:
            snippets.close()
        return [found[place] for place, _ in ranked]


def _in_index(path: Path, work: Callable[[Index], T]) -> T:
    with open_session(path) as session:
        return with_index(session, work)


def _interleaved(lists: list[list[Place]]) -> Iterator[Place]:
    """Yield the places of rankings that can't be compared: all first places, then all second ones ..."""
    for rank in range(max(map(len, lists), default=0)):
        yield from (places[rank] for places in lists if rank < len(places))


def _hits_in(path: Path, places: Sequence[tuple[Place, float]], snippets: Snippets) -> Iterator[Hit]:
    with open_session(path) as session:
        names = {stream.id: stream.name for stream in session.streams}
        for place, score in places:
            event = session.event(place.event)
            text = whole_text(event)
            if place.passage is not None:
                text = next((p for n, p in enumerate(passages_of(text)) if n == place.passage), text)
            name, role = names.get(event.stream, ""), role_of(event)
            cut = snippets.of(indexable(text))
            yield Hit(path, event.id, name, event.turn, event.time, event.kind, role, cut, score)


def _no_vectors(paths: Sequence[Path], embedding: Embedding | None = None) -> ConfigError:
    which = f"session {paths[0].stem}" if len(paths) == 1 else "none of these sessions"
    has = "has no vectors" if len(paths) == 1 else "has vectors"
    hint = f"kt embedding {paths[0].stem if len(paths) == 1 else 'SESSION'}, which needs an embedder: pip install "
    by = f" by {embedding.name}" if embedding is not None else ""
    return ConfigError(f"{which} {has}{by}", hint=hint + "'kt-search[memory]'")
