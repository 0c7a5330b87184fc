"""kt search: find what was said and done in sessions."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Host
from kt.errors import NotFound, UsageError

from .plugin import user_config
from .progress import Bar
from .search import MODES, Found, Hit, Query, find
from .session import all_sessions, find_session
from .showing import shown
from .snippets import marked

if TYPE_CHECKING:
    from kt import Plugins, Registry

EPILOG = """\
All words must be there: "quoted words" as they stand, begin* for beginnings. Capitals, endings and accents make no
difference; foo.bar(x) finds foo, bar and x in a row. Modes: fts (words), semantic (meaning), hybrid (both; the default
where kt embedding made vectors). Before a query that begins with - write --."""


SUFFIX = ".ktlog"


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt search; return 0, whether anything was found or not. Raises KTError."""
    parser = _parser(plugins.registry.get("parser", "arguments"))
    end = argv.index("--") if "--" in argv else len(argv)
    try:
        given = parser.parse_intermixed_args(argv[:end])
    except SystemExit:
        return 0  # --help was printed
    given.words += argv[end + 1 :]
    if not given.words:
        parser.error("what is looked for?")
    paths, query = _what(given, plugins.registry)
    if not paths:
        print("nothing found: there are no sessions", file=sys.stderr)
        return 0
    found = asyncio.run(_find(plugins, paths, query, quiet=given.json))
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    if given.json:
        print(json.dumps([_as_data(hit) for hit in found.hits], ensure_ascii=False))
    elif found.hits:
        marks = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("[", "]")
        print("\n\n".join(shown(hit, *marks) for hit in found.hits))
    if not found.hits:
        print(f"nothing found in {paths[0].stem if len(paths) == 1 else f'{len(paths)} sessions'}", file=sys.stderr)
    return 0


def _parser(made: Any) -> Any:
    parser = made(prog="kt search", description="Find what was said and done in a session.", epilog=EPILOG)
    parser.usage = "kt search [SESSION] QUERY... [--session S | --all] [--mode M] [--limit N] [--json]"
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[SESSION] QUERY",
        help="what to look for; a session's whole name, or its path, may go first",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--session", metavar="S", help="the session's name, its beginning or its path; else the newest")
    where.add_argument("--all", action="store_true", help="every session")
    parser.add_argument("--mode", choices=MODES, help="what counts: words, meaning, both")
    parser.add_argument("--embedder", default="", metavar="NAME", help="else the one that made the vectors")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="hits to show (10)")
    parser.add_argument("--json", action="store_true", help="a list of objects")
    return parser


def _what(given: argparse.Namespace, registry: "Registry") -> tuple[list[Path], Query]:
    """Return the sessions and the query that a command line means."""
    if given.limit < 1:
        raise UsageError(f"--limit must be 1 or more, not {given.limit}")
    words: list[str] = given.words
    if given.all:
        paths = all_sessions(registry)
    elif given.session is not None or len(words) == 1:
        paths = [find_session(registry, given.session)]
    else:
        paths, words = _leading_session(words, registry)
    config = user_config(registry)
    embedder = given.embedder or config.embedder
    return paths, Query(" ".join(words), given.mode, given.limit, embedder, config.embedders)


def _leading_session(words: list[str], registry: "Registry") -> tuple[list[Path], list[str]]:
    """Return the session that the first word names, whole, and the others; the newest and all where it names none."""
    first = words[0]
    try:
        path = find_session(registry, first)
    except (NotFound, UsageError):
        path = None
    if path is not None and path.suffix == SUFFIX and (first in (path.stem, path.name) or Path(first) == path):
        return [path], words[1:]
    return [find_session(registry, None)], words


async def _find(plugins: "Plugins", paths: list[Path], query: Query, *, quiet: bool) -> Found:
    async with Host(plugins) as host:
        if quiet:
            return await find(host, paths, query)
        with Bar() as bar:
            return await find(host, paths, query, bar)


def _as_data(hit: Hit) -> dict[str, Any]:
    return {
        "session": str(hit.session),
        "event": hit.event,
        "stream": hit.stream,
        "turn": hit.turn,
        "time": hit.time,
        "kind": hit.kind,
        "role": hit.role,
        "text": marked(hit.text, "", ""),
        "score": round(hit.score, 6),
    }
