"""kt install, uninstall, update, rollback and sync: they work while plugins are broken."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import UsageError

from ..install.consent import Consent
from ..install.transaction import Done

if TYPE_CHECKING:
    from kt import Plugins


def _parser(plugins: "Plugins", name: str, description: str) -> Any:
    parser = plugins.registry.get("parser", "arguments")(prog=f"kt {name}", description=description)
    parser.add_argument("--yes", "-y", action="store_true", help="say yes to what would be asked")
    return parser


def install(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt install`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "install", "Install packs, after a look at each wheel, beside what runs kt.")
    parser.add_argument("packs", nargs="+", metavar="PACK", help="@NAME, a requirement, wheel, folder or git+URL")
    parser.add_argument("-e", "--editable", action="store_true", help="run a folder's pack from that folder")
    if (given := parser.read(argv)) is None:
        return 0
    consent = Consent(given=given.yes)
    done = transaction.install(given.packs, plugins=plugins, consent=consent, editable=given.editable)
    for word in done.already:
        print(f"{word} is there already")
    return _said(done)


def uninstall(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt uninstall`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "uninstall", "Remove packs, and what nothing else needs.")
    parser.add_argument("packs", nargs="+", metavar="PACK", help="a name, with @ or without")
    if (given := parser.read(argv)) is None:
        return 0
    return _said(transaction.uninstall(given.packs, consent=Consent(given=given.yes)))


def update(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt update`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "update", "Bring packs to their newest versions; more needs are asked again.")
    parser.add_argument("packs", nargs="*", metavar="PACK", help="a name, with @ or without")
    parser.add_argument("--all", action="store_true", help="all installed packs")
    if (given := parser.read(argv)) is None:
        return 0
    if bool(given.packs) == given.all:
        raise UsageError("name packs, or say --all", hint="kt update --all")
    done = transaction.update(given.packs, plugins=plugins, consent=Consent(given=given.yes))
    if not done.change.arrivals and not done.change.gone:
        print("everything is as new as it can be")
    return _said(done)


def rollback(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt rollback`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "rollback", "Go back to the packs before the last change; once more undoes that.")
    if (given := parser.read(argv)) is None:
        return 0
    return _said(transaction.rollback(consent=Consent(given=given.yes)))


def sync(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt sync`; return its exit code."""
    from ..install import transaction

    parser = _parser(plugins, "sync", "Install exactly what a kt.lock says, to the byte.")
    parser.add_argument("lock", nargs="?", type=Path, metavar="LOCK", help="that of another machine; else your own")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="a folder with wheels that no address gives")
    if (given := parser.read(argv)) is None:
        return 0
    done = transaction.sync(given.lock, wheels=given.wheels, consent=Consent(given=given.yes))
    return _said(done, "in step with the lock")


def _said(done: Done, nothing: str = "") -> int:
    change = done.change
    for name, pack in change.lock.packs.items():
        if any(a.locked.name == name for a in change.arrivals):
            print(f"installed {name} {pack.version}")
    for pack in change.gone:
        print(f"removed {pack.name} {pack.version}")
    if nothing and not change.arrivals and not change.gone:
        print(nothing)
    sys.stdout.flush()
    return 0
