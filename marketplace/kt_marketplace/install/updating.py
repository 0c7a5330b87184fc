"""What an update looks for: the newest of what each pack was asked for as, in indexes that are fresh."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from kt.errors import KTError, NotFound

from . import uv
from .consent import Consent
from .editable import gone
from .lock import Locked
from .plan import OF_INDEX, Root
from .reference import parse
from .roots import Finder


def refresh(consent: Consent) -> None:
    """Fetch the indexes that were added; of one that can't be had, what was accepted before stays, and is said."""
    from ..index import Sources

    if uv.offline():
        return
    sources = Sources()
    for source in [source for source in sources if source.origin == "added"]:
        try:
            sources.refresh(source.name)
        except KTError as error:
            age = (datetime.now(UTC) - source.fetched).total_seconds() / 3600 if source.fetched else 0.0
            consent.tell([f"note: kept the index {source.name} of {age:.0f} hours ago: {error.what}"])


def roots_of(packs: Mapping[str, Locked], finder: Finder, *, every: bool) -> dict[str, Root]:
    """Return by name what packs of the lock are to become.

    With `every`, one that can't be looked for is named and left as it is, unless that is so for all of them. Raises
    NotFound, ConfigError.
    """
    found, failed = {}, []
    for name, pack in packs.items():
        try:
            found[name] = _root(pack, finder)
        except NotFound as error:
            failed.append(error)
            if not every:
                raise
            came = f"; it came from {pack.source}" if pack.source.startswith(OF_INDEX) else ""
            finder.consent.tell([f"note: {name} stays as it is: {error.what}{came}"])
    if failed and not found:
        raise failed[0]
    return found


def withdrawn(roots: Iterable[Root], packs: Mapping[str, Locked]) -> list[str]:
    """Return lines about the installed versions that their index has withdrawn."""
    return [
        f"note: {pack.name} {pack.version} was withdrawn: {root.withdrawn[pack.version]}"
        for root in roots
        if (pack := packs.get(root.requirement.name)) is not None and pack.version in root.withdrawn
    ]


def _root(pack: Locked, finder: Finder) -> Root:
    if lost := gone([pack]):
        raise NotFound(lost[0].error.what, hint=lost[0].error.hint)
    return finder.root(parse(pack.requested, editable=bool(pack.editable)))
