"""Embedders: what turns texts into vectors, made by targets of the kind `embedder`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from kt import Host
from kt.errors import ConfigError

Vectors: TypeAlias = Sequence[Sequence[float]]

DEFAULT = "wordllama"


class Embedder(Protocol):
    """Turn texts into vectors that are near where texts mean the same.

    `name` tells its vectors from all others', so it has the model in it; `dim` is their length. `query` says that the
    texts are looked for, not found: some models make a difference. The kind `embedder` registers
    `(host, **settings) -> Embedder`.
    """

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors: ...


class Embedding:
    """An embedder for code that runs in a thread of the event loop it was made in."""

    def __init__(self, registered: str, embedder: Embedder) -> None:
        self.registered, self.name = registered, embedder.name
        self._embedder, self._loop = embedder, asyncio.get_running_loop()

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Return a vector for each text. Raises KTError of the embedder, and ConfigError for vectors that don't fit."""
        vectors = asyncio.run_coroutine_threadsafe(self._embedder.embed(texts, query=query), self._loop).result()
        if len(vectors) != len(texts) or any(len(vector) != self._embedder.dim for vector in vectors):
            raise ConfigError(f"the embedder {self.name} made vectors that don't fit", where=self.registered)
        return vectors


async def embedding_of(host: Host, registered: str, settings: Mapping[str, Any]) -> Embedding:
    """Return the embedder registered under a name. Raises UnknownName, and ConfigError where it can't work here."""
    target: Callable[..., Embedder] = host.registry.get("embedder", registered)
    return Embedding(registered, await asyncio.to_thread(target, host, **settings))
