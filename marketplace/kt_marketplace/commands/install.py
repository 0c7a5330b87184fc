"""kt install, uninstall, update, rollback and sync: parsed by hand, they must work while plugins are broken."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kt.errors import UsageError

from ..install.consent import Consent
from ..install.transaction import Done

if TYPE_CHECKING:
    from kt import Plugins


class Parser(ArgumentParser):
    """A command's arguments; a wrong one is an error of ours. Its help begins with "Usage: kt NAME"."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(prog=f"kt {name}", description=description, allow_abbrev=False, exit_on_error=False)
        self.add_argument("--yes", "-y", action="store_true", help="say yes to what would be asked")

    def format_help(self) -> str:
        return super().format_help().replace("usage: ", "Usage: ", 1)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")

    def read(self, argv: list[str]) -> Any:
        """Return the arguments, or None where help was asked for and printed. Raises UsageError."""
        if "--help" in argv or "-h" in argv:
            print(self.format_help(), end="")
            return None
        return self.parse_args(argv)


def install(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt install`; return its exit code."""
    from ..install import transaction

    parser = Parser("install", "Install packs beside the environment that runs kt, after a look at each wheel.")
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

    parser = Parser("uninstall", "Remove packs, and what nothing else needs.")
    parser.add_argument("packs", nargs="+", metavar="PACK", help="a name, with @ or without")
    if (given := parser.read(argv)) is None:
        return 0
    return _said(transaction.uninstall(given.packs, consent=Consent(given=given.yes)))


def update(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt update`; return its exit code."""
    from ..install import transaction

    parser = Parser("update", "Bring packs to their newest versions. One that needs more than before asks again.")
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

    parser = Parser("rollback", "Go back to the packs before the last change; once more undoes that.")
    if (given := parser.read(argv)) is None:
        return 0
    return _said(transaction.rollback(consent=Consent(given=given.yes)))


def sync(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt sync`; return its exit code."""
    from ..install import transaction

    parser = Parser("sync", "Install exactly what a kt.lock says, to the byte.")
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
