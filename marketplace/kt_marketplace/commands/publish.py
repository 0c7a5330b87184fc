"""kt publish, and kt marketplace publish: look at packs as everybody's installation will, then add them to an index."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError, UsageError

from ..index.document import text_of
from ..index.folder import DAYS, IndexFolder
from ..index.publishing import entry_of, inspected, wheels
from ..index.shown import packs_in
from ..index.signing import SigningKey
from ..index.source import fingerprint

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt publish; return its exit code. Raises KTError."""
    parser = plugins.registry.get("parser", "arguments")(
        prog="kt publish",
        description="Build a pack, check it, and write its entry of an index; nothing is sent anywhere.",
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="else the working folder"
    )
    parser.add_argument("--index", type=Path, metavar="FOLDER", help="the folder of an index, to add it to")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the key that signs that index")
    given = parser.read(argv)
    if given is None:
        return 0
    with tempfile.TemporaryDirectory(prefix="kt-publish-") as work:
        file = next(iter(wheels(given.folder, Path(work))))
        _checked(file, plugins)
        if given.index is not None:
            return _add([file], IndexFolder(given.index), given.key, DAYS)
        print(json.dumps(entry_of(inspected(file).wheel), indent=1))
    print(
        "this is its entry of an index; nothing was published. Next, either of:\n"
        "  kt publish --index FOLDER    adds it to an index of your own\n"
        "  uv build && uv publish       sends it to a package index, from where an index may name it",
        file=sys.stderr,
    )
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `to_index`."""
    parser.add_argument("targets", nargs="*", type=Path, metavar="FOLDER|WHEEL", help="packs to add")
    parser.add_argument("--index", type=Path, metavar="FOLDER", help="the folder of the index; made if need be")
    parser.add_argument("--name", default="", metavar="NAME", help="what a new index is called; else as its folder")
    parser.add_argument(
        "--publisher", default="", metavar="WHO", help="who answers for the index; of a new one else its name"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the key that signs")
    parser.add_argument("--new-key", type=Path, metavar="FILE", help="make a key pair, and sign with it")
    parser.add_argument("--expires", type=int, default=DAYS, metavar="DAYS", help=f"how long it is good ({DAYS})")
    parser.add_argument("--yank", nargs=3, metavar=("NAME", "VERSION", "REASON"), help="withdraw a version")


def to_index(given: argparse.Namespace) -> int:
    """Run kt marketplace publish; return its exit code. Raises KTError."""
    if given.expires < 1:
        raise UsageError(f"--expires {given.expires} is out of range", hint="give days, from 1")
    if given.new_key is not None and given.key is not None:
        raise UsageError("--key and --new-key are two keys")
    if given.index is None and (given.targets or given.yank or given.new_key is None):
        raise UsageError("which index?", hint="--index FOLDER")
    if given.new_key is not None:
        key = SigningKey.create(given.new_key)
        print(f"public key {text_of(key.public)}\nfingerprint {fingerprint(key.public)}")
        given.key = given.new_key
    if given.index is None:
        return 0
    folder = IndexFolder(given.index, name=given.name, publisher=given.publisher)
    if given.yank:
        folder.yank(*given.yank)
    with tempfile.TemporaryDirectory(prefix="kt-publish-") as work:
        files = [file for target in given.targets for file in wheels(target, Path(work))]
        return _add(files, folder, given.key, given.expires)


def _add(files: Iterable[Path], folder: IndexFolder, key: Path | None, days: int) -> int:
    signer = SigningKey.load(key) if key is not None else None
    for file in files:
        ready = inspected(file)
        for ask in ready.asks:
            print(f"{file.name}: who installs it is asked: {ask}", file=sys.stderr)
        folder.add(ready.wheel)
    document = folder.write(signer, days=days)
    signed = "signed" if signer else "not signed: only a folder of one's own machine may be so"
    print(f"{document.name}: version {document.version}, {packs_in(document)}, {signed}")
    return 0


def _checked(file: Path, plugins: "Plugins") -> None:
    """Raise DataError for what `kt check` has to say of a wheel."""
    from ..check import problems

    found = problems(file, plugins)
    for problem in found:
        print(f"{problem.name}: {problem.text}" + (f". fix: {problem.fix}" if problem.fix else ""), file=sys.stderr)
    if found:
        raise DataError(f"{len(found)} checks of {file.name} don't hold", hint="kt check says the same")
