"""Packs from Python: `from kt import packages; packages.ensure("@kt-biome>=1")`."""

import sys
from dataclasses import dataclass

from .install.path import folders
from .needs import Needs

YES = "yes=True"


@dataclass(frozen=True, slots=True)
class Package:
    """An installed pack. `source` says where it came from, "environment" for one that `pip` installed."""

    name: str
    version: str
    source: str
    needs: Needs


def ensure(*references: str, yes: bool = False, editable: bool = False) -> None:
    """Install the packs of the references unless they are there; then neither uv nor the network is asked.

    A reference is what `kt install` takes. One that is there in a version that does not fit is upgraded. What an
    inspection finds is shown, and asked on a terminal; `yes=True` says yes before. Raises KTError (Refused where nobody
    can be asked); then nothing was changed.
    """
    from kt import Plugins

    from .install.consent import Consent
    from .install.transaction import install, met

    if met(references):
        return
    before = folders()
    install(references, plugins=Plugins(skip_bad=True), consent=Consent(given=yes, before=YES), editable=editable)
    sys.path[:] = [folder for folder in sys.path if folder not in before] + folders()


def installed() -> list[Package]:
    """Return the packs that `kt install` installed, without what came as their dependencies."""
    from .install.lock import Lock

    return [Package(p.name, p.version, p.source, p.needs) for p in Lock.current().requested.values()]


def remove(*names: str, yes: bool = False) -> None:
    """Remove packs, and what only they needed. Raises NotFound, Refused."""
    from .install.consent import Consent
    from .install.transaction import uninstall

    uninstall(names, consent=Consent(given=yes, before=YES))
