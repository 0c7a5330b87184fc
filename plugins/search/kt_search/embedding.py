"""kt embedding: build the index of a session, and its vectors where an embedder is there."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from kt import Host
from kt.errors import ConfigError

from .embedder import DEFAULT, Embedding, embedding_of
from .index import Index, index_file, with_index
from .plugin import SearchConfig, user_config
from .session import find_session, open_session
from .vectors import add_vectors, models_of

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt embedding; return 0. Raises KTError, also where an embedder that was named can't work."""
    parser = plugins.registry.get("parser", "arguments")(
        prog="kt embedding", description="Build a session's index of words and, by an embedder, of meaning."
    )
    parser.add_argument("session", metavar="SESSION", help="its name, the beginning of it, or its path")
    names = ", ".join(plugins.registry.names("embedder"))
    parser.add_argument("--embedder", default="", metavar="NAME", help=f"{names}; without it: {DEFAULT}")
    try:
        given = parser.parse_args(argv)
    except SystemExit:
        return 0  # --help was printed
    path = find_session(plugins.registry, given.session)
    for line in asyncio.run(build(plugins, path, given.embedder)):
        print(line)
    return 0


async def build(plugins: "Plugins", path: Path, named: str = "") -> list[str]:
    """Build the index of a session, and its vectors; return the lines that say what was done."""
    config = user_config(plugins.registry)
    async with Host(plugins) as host:
        embedding, why = None, ""
        try:
            embedding = await _embedding(host, named or config.embedder or DEFAULT, config)
        except ConfigError as error:
            if named or config.embedder:
                raise
            why = f"no vectors: {error.what}" + (f". For vectors: {error.hint}" if error.hint else "")
        lines = await asyncio.to_thread(_built, path, embedding)
        return [*lines, why] if why else lines


async def _embedding(host: Host, name: str, config: SearchConfig) -> Embedding:
    return await embedding_of(host, name, config.embedders.get(name, {}))


def _built(path: Path, embedding: Embedding | None) -> list[str]:
    def work(index: Index) -> list[str]:
        where = "a temporary file, because its folder can't be written" if index.temporary else index_file(path).name
        lines = [f"{index.added} new events indexed, {index.upto} in all, in {where}"]
        if embedding is not None:
            made = add_vectors(index, embedding)
            there = models_of(index).get(embedding.name, 0)
            lines.append(f"{made} new vectors by {embedding.name}, {there} in all")
        return lines

    with open_session(path) as session:
        return with_index(session, work)
