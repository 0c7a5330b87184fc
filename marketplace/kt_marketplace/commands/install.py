"""kt install, uninstall, update, rollback and sync: they work while plugins are broken."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import UsageError

from .. import progress
from ..install.consent import Consent
from ..install.lock import Locked
from ..install.transaction import Done

if TYPE_CHECKING:
    from kt import Plugins


def _parser(plugins: "Plugins", name: str, description: str, *, dry: bool = False) -> Any:
    parser = plugins.registry.get("parser", "arguments")(prog=f"kt {name}", description=description)
    parser.add_argument("--yes", "-y", action="store_true", help="say yes to what would be asked")
    parser.add_argument("--json", action="store_true", help="say what was done as an object")
    if dry:
        parser.add_argument("--dry-run", action="store_true", help="show what would be done, and ask only to build")
    return parser


def install(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt install`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "install", "Install packs, after a look at each wheel, beside what runs kt.", dry=True)
    parser.add_argument("packs", nargs="+", metavar="PACK", help="@NAME, a requirement, wheel, folder or git+URL")
    parser.add_argument("-e", "--editable", action="store_true", help="run a folder's pack from that folder")
    if (given := parser.read(argv)) is None:
        return 0
    with progress.silent(given.json):
        done = transaction.install(
            given.packs, plugins=plugins, consent=Consent(given=given.yes), editable=given.editable, dry=given.dry_run
        )
    return _said(done, as_json=given.json)


def uninstall(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt uninstall`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "uninstall", "Remove packs, and what nothing else needs.")
    parser.add_argument("packs", nargs="+", metavar="PACK", help="a name, with @ or without, or its folder")
    if (given := parser.read(argv)) is None:
        return 0
    return _said(transaction.uninstall(given.packs, consent=Consent(given=given.yes)), as_json=given.json)


def update(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt update`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "update", "Bring packs to their newest versions; more needs are asked again.", dry=True)
    parser.add_argument("packs", nargs="*", metavar="PACK", help="a name, with @ or without")
    parser.add_argument("--all", action="store_true", help="all installed packs")
    if (given := parser.read(argv)) is None:
        return 0
    if bool(given.packs) == given.all:
        raise UsageError("name packs, or say --all", hint="kt update --all")
    with progress.silent(given.json):
        done = transaction.update(given.packs, plugins=plugins, consent=Consent(given=given.yes), dry=given.dry_run)
    return _said(done, "everything is as new as it can be", as_json=given.json)


def rollback(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt rollback`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "rollback", "Go back to the packs before the last change; once more undoes that.")
    if (given := parser.read(argv)) is None:
        return 0
    back = "gone back; no pack came or went by that"
    return _said(transaction.rollback(consent=Consent(given=given.yes)), back, as_json=given.json)


def sync(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt sync`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "sync", "Install exactly what a kt.lock says, to the byte.")
    parser.add_argument("lock", nargs="?", type=Path, metavar="LOCK", help="that of another machine; else your own")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="a folder with wheels that no address gives")
    if (given := parser.read(argv)) is None:
        return 0
    with progress.silent(given.json):
        done = transaction.sync(given.lock, wheels=given.wheels, plugins=plugins, consent=Consent(given=given.yes))
    return _said(done, "in step with the lock", as_json=given.json)


def _said(done: Done, nothing: str = "", *, as_json: bool = False) -> int:
    """Print what was done: a line each, or one object; `nothing` stands for no change. Return 0."""
    change = done.change
    if as_json:
        print(json.dumps({
            "installed": [_row(pack) for before, pack in done.came if before is None],
            "updated": [{**_row(pack), "from": before.version} for before, pack in done.came if before is not None],
            "removed": [_row(pack) for pack in change.gone],
            "repaired": [_row(pack) for pack in done.repaired],
            "already": list(done.already),
        }))  # fmt: skip
        return 0
    install, remove = ("would install", "would remove") if done.dry else ("installed", "removed")
    lines = [f"{word} is there already" for word in done.already]
    lines += [f"{install} {pack.name} {pack.version}" for _, pack in done.came]
    lines += [f"{remove} {pack.name} {pack.version}" for pack in change.gone]
    lines += [f"repaired {pack.name} {pack.version}" for pack in done.repaired]
    print("\n".join(lines or ([nothing] if nothing else [])), end="\n" if lines or nothing else "")
    sys.stdout.flush()
    return 0


def _row(pack: Locked) -> dict[str, str]:
    return {"name": pack.name, "version": pack.version}
