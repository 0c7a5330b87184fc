"""Search the packs of all sources by what their indexes say of them; nothing is fetched."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions

from packaging.version import Version

from ..manifest import normal
from ..official import names as official
from .document import Entry, Release
from .source import Source

PLACES = ("name", "beginning of the name", "word of the name", "keyword", "provides", "description", "hook")
"""Where a word can be found, the best place first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A pack that was found. `needs` and `kinds` are those of its newest version, `matched` says where each word is.

    `installed` is the version that is installed, `warning` says of which known name it may be a counterfeit.
    """

    name: str
    version: str
    description: str
    publisher: str
    source: str
    needs: tuple[str, ...]
    kinds: tuple[str, ...]
    hooks: tuple[str, ...]
    matched: tuple[str, ...]
    downloads: int | None = None
    installed: str = ""
    warning: str = ""


def search(
    word: str = "",
    *,
    kind: str | None = None,
    hook: str | None = None,
    sources: Iterable[Source],
    installed: Mapping[str, str] | None = None,
) -> list[Result]:
    """Return the packs that have every word of `word`, provide the kind and implement the hook; the best first.

    `installed` are versions by name, by default of this environment.
    """
    have = installed_versions() if installed is None else installed
    known = official() | have.keys()
    ranked: list[tuple[int, str, int, Result]] = []
    for source in sources:
        for entry in source.document.packs.values() if source.document is not None else ():
            if (newest := newest_of(entry)) is None or not _offers(newest[1], kind, hook):
                continue
            places = [_place(w, entry, newest[1]) for w in word.casefold().split()]
            if None in places:
                continue
            found = [p for p in places if p is not None]
            result = _result(source, entry, *newest, found, have.get(entry.name, ""), known)
            ranked.append((sum(found), entry.name, len(ranked), result))
    return [result for *_, result in sorted(ranked, key=lambda r: r[:3])]


def newest_of(entry: Entry) -> tuple[str, Release] | None:
    """Return the newest version that is not yanked, else the newest; None where there is none."""
    if not entry.versions:
        return None
    good = [v for v, release in entry.versions.items() if not release.yanked]
    version = max(good or entry.versions, key=Version)
    return version, entry.versions[version]


def kinds_in(sources: Iterable[Source]) -> set[str]:
    """Return the kinds of all that packs provide."""
    entries = (entry for s in sources if s.document is not None for entry in s.document.packs.values())
    return {p.kind for entry in entries for release in entry.versions.values() for p in release.provides}


def hooks_in(sources: Iterable[Source]) -> set[str]:
    """Return the hooks that packs implement, those of strangers' plugins too."""
    entries = (entry for s in sources if s.document is not None for entry in s.document.packs.values())
    return {hook for entry in entries for release in entry.versions.values() for hook in release.hooks}


@cache
def official_packs() -> Mapping[tuple[str, str], str]:
    """Return the official pack that provides each thing, by its kind and name; it need not be installed."""
    from .sources import official as source

    document = source().document
    packs = document.packs.values() if document is not None else ()
    return {(p.kind, p.name): e.name for e in packs for release in e.versions.values() for p in release.provides}


def installed_versions() -> dict[str, str]:
    """Return the versions of all installed distributions by name."""
    return {normal(d.name): d.version for d in distributions()}


def _offers(release: Release, kind: str | None, hook: str | None) -> bool:
    kinds = {p.kind for p in release.provides}
    return (kind is None or kind in kinds) and (hook is None or hook in release.hooks)


def _place(word: str, entry: Entry, release: Release) -> int | None:
    """Return the index of the best place that has a word, None where none has it."""
    short = entry.name.removeprefix("kt-")
    provided = [text.casefold() for p in release.provides for text in (p.name, p.kind)]
    described = [entry.description, *(p.description for p in release.provides)]
    has = (
        word in (entry.name, short),
        entry.name.startswith(word) or short.startswith(word),
        word in entry.name,
        word in {k.casefold() for k in entry.keywords},
        any(word in text for text in provided),
        any(word in text.casefold() for text in described),
        any(word in h for h in release.hooks),
    )
    return has.index(True) if True in has else None


def _result(
    source: Source,
    entry: Entry,
    version: str,
    release: Release,
    places: Iterable[int],
    installed: str,
    known: Collection[str],
) -> Result:
    from ..inspect.names import confusable

    alike = None if entry.name in known else confusable(entry.name, known)
    return Result(
        name=entry.name,
        version=version,
        description=entry.description,
        publisher=entry.publisher,
        source=source.name,
        needs=tuple(release.needs.lines()),
        kinds=tuple(dict.fromkeys(p.kind for p in release.provides)),
        hooks=release.hooks,
        matched=tuple(dict.fromkeys(PLACES[p] for p in places)),
        downloads=entry.downloads,
        installed=installed,
        warning=f"easily mistaken for {alike}" if alike else "",
    )
