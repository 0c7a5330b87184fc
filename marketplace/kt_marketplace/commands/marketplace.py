"""kt marketplace: search the indexes of packs, keep the sources they come from, publish and serve an index."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import KTError, NotFound, UsageError, nearest

from ..index import Source, Sources
from ..transport import SECONDS
from . import publish

if TYPE_CHECKING:
    from kt import Plugins

    from ..index.search import Result

WORDS = ("search", "show", "list", "add", "remove", "refresh", "publish", "serve")


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt marketplace; return its exit code. Raises KTError."""
    if argv and not argv[0].startswith("-") and argv[0] not in WORDS:
        raise UsageError(f"no command {argv[0]!r}", hint=f"{nearest(argv[0], WORDS)} (kt marketplace --help)")
    given = _parser(plugins).read(argv)
    return 0 if given is None else int(given.run(given))


def _parser(plugins: "Plugins") -> Any:
    parser = plugins.registry.get("parser", "arguments")(
        prog="kt marketplace", description="Find packs, and say where they are found."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Any], int], help: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(
            name, help=help, description=f"{help[0].upper()}{help[1:]}."
        )
        command.set_defaults(run=run)
        return command

    command = add("search", partial(_search, plugins=plugins), "find packs by words, by what they provide and by hooks")
    command.add_argument("words", nargs="*", metavar="WORD", help="each must be there; none: all packs")
    command.add_argument("--kind", metavar="K", help="packs that provide this kind: tool, creature, provider ...")
    command.add_argument("--hook", metavar="H", help="packs that implement this hook, like kt_around_llm_call")
    _json_option(command)
    command = add("show", _show, "show a pack: its versions, what it provides and what it may reach")
    command.add_argument("name", metavar="NAME", help="a name, or @source/name")
    _json_option(command)
    _json_option(add("list", _list, "list the sources, each with its key and the age of its index"))
    command = add("add", _add, "add a source")
    command.add_argument("address", metavar="URL|PATH", help="an index.json, or a folder with one; #ed25519=KEY pins")
    command.add_argument("--key", metavar="KEY", help="the publisher's key, in base64")
    command.add_argument("--name", metavar="NAME", help="what it is called here; else as it calls itself")
    command.add_argument("--yes", "-y", action="store_true", help="take the key that it is signed with now")
    _timeout_option(command)
    command = add("remove", _remove, "remove a source")
    command.add_argument("name", metavar="NAME", help="its name")
    command = add("refresh", _refresh, "fetch the indexes of the sources, or of one")
    command.add_argument("name", nargs="?", metavar="NAME", help="its name; else all")
    _timeout_option(command)
    publish.add_options(add("publish", publish.to_index, "add wheels to the folder of an index, and sign it"))
    command = add("serve", _serve, "serve the folder of an index, to kt, uv and pip")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="with index.json and wheels/")
    command.add_argument("--port", type=int, default=0, metavar="N", help="else a free one")
    command.add_argument("--host", default="127.0.0.1", metavar="H", help="else this machine alone can ask")
    return parser


def _json_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="as JSON")


def _timeout_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--timeout", type=float, default=SECONDS, metavar="S", help="seconds for each request")


def _search(given: argparse.Namespace, plugins: "Plugins") -> int:
    from ..index.search import hooks_in, kinds_in, search

    sources = Sources()
    _remark(sources)
    if given.kind is not None and given.kind not in (kinds := kinds_in(sources)):
        raise UsageError(f"no pack provides the kind {given.kind!r}", where="--kind", hint=nearest(given.kind, kinds))
    if given.hook is not None and given.hook not in (hooks := _hooks_here(plugins) | hooks_in(sources)):
        raise UsageError(f"there is no hook {given.hook!r}", where="--hook", hint=nearest(given.hook, hooks))
    found = search(" ".join(given.words), kind=given.kind, hook=given.hook, sources=sources)
    if given.json:
        print(json.dumps([asdict(result) for result in found]))
        return 0
    if found:
        print("\n".join(map(_told, found)))
    else:
        print(_nothing(" ".join(given.words), sources), file=sys.stderr)
    return 0


def _hooks_here(plugins: "Plugins") -> set[str]:
    return {name for spec in plugins.specs for name in vars(spec) if name.startswith("kt_")}


def _nothing(words: str, sources: Sources) -> str:
    """Return that nothing was found, with the names that may be meant."""
    close = nearest(words, sources.names())
    return f"nothing found; {close}" if words and close.startswith("did") else "nothing found"


def _told(result: "Result") -> str:
    head = [f"{result.name} {result.version}", f"({result.source}, by {result.publisher})"]
    head += [f"installed {result.installed}"] if result.installed else []
    head += [f"{result.downloads} downloads"] if result.downloads is not None else []
    needs = f"may {'; '.join(result.needs)}" if result.needs else ""
    warning = f"! {result.warning}" if result.warning else ""
    return "\n  ".join(filter(None, ["  ".join(head), result.description, ", ".join(result.kinds), needs, warning]))


def _show(given: argparse.Namespace) -> int:
    from ..index.shown import pack_lines, pack_table

    source, _, name = given.name.removeprefix("@").rpartition("/")
    sources = Sources()
    _remark(sources)
    found = sources.find(name, source=source or None)
    if not found:
        raise sources.not_found(given.name)
    if given.json:
        print(json.dumps([pack_table(one) for one in found]))
    else:
        print("\n".join(line for one in found for line in pack_lines(one)))
    return 0


def _list(given: argparse.Namespace) -> int:
    from ..index.shown import source_lines, source_table

    sources = list(Sources())
    print(json.dumps([source_table(s) for s in sources]) if given.json else "\n".join(source_lines(sources)))
    return 0


def _add(given: argparse.Namespace) -> int:
    from ..index.shown import packs_in
    from ..install.consent import Consent

    sources = Sources(seconds=_seconds(given))
    offer = sources.offer(given.address, given.key)
    sources.check_new(given.name or offer.document.name)
    document, consent = offer.document, Consent(given=given.yes)
    consent.tell([f"{document.name}: {packs_in(document)}, published by {document.publisher}"])
    if offer.key is None:
        consent.ask("It is not signed. Use it as it is on this machine?")
    elif not offer.pinned:
        from ..index.source import fingerprint

        consent.tell([f"signed with the key {fingerprint(offer.key)}"])
        consent.ask("Is that the publisher's key, as they told you? From now on only this one counts.")
    source = sources.add(offer, name=given.name)
    print(f"added {source.name}: version {document.version}, {packs_in(document)}")
    return 0


def _remove(given: argparse.Namespace) -> int:
    Sources().remove(given.name)
    print(f"removed {given.name}")
    return 0


def _refresh(given: argparse.Namespace) -> int:
    """Refresh one source or all; where several fail, all are told and the last one's error ends it."""
    sources = Sources(seconds=_seconds(given))
    wanted = [given.name] if given.name else [s.name for s in sources if s.origin != "official"]
    failed: list[KTError] = []
    for name in wanted:
        try:
            print(_refreshed(sources.refresh(name)))
        except KTError as error:
            failed.append(error)
    for one in failed[:-1]:
        print(one.line(), file=sys.stderr)
    if failed:
        raise failed[-1]
    if not wanted:
        print("no source was added; the official one comes with kt", file=sys.stderr)
    return 0


def _refreshed(source: Source) -> str:
    from ..index.shown import packs_in

    if source.document is None:
        raise NotFound(f"{source.name} has no index")
    return f"{source.name}: version {source.document.version}, {packs_in(source.document)}"


def _serve(given: argparse.Namespace) -> int:
    from ..index.serve import Server
    from ..transport import is_loopback

    if not 0 <= given.port <= 65535:
        raise UsageError(f"--port {given.port} is out of range", hint="give one up to 65535; 0 is a free one")
    with Server(given.folder, given.host, given.port) as server:
        if not is_loopback(given.host):
            print("others can reach this: what they get is what the index names, unencrypted", file=sys.stderr)
        print(server.address, flush=True)
        server.serve_forever()
    return 0


def _seconds(given: argparse.Namespace) -> float:
    if not 0 < given.timeout <= 3600:
        raise UsageError(f"--timeout {given.timeout:g} is out of range", hint="give seconds, up to 3600")
    return float(given.timeout)


def _remark(sources: Iterable[Source]) -> None:
    for source in sources:
        if remark := source.remark():
            print(remark, file=sys.stderr)
