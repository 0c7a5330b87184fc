"""Sources and packs as `kt marketplace` shows them: as lines, and as tables for programs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from .document import Document, File, Release, text_of
from .search import newest_of
from .source import Source
from .sources import Found


def pack_table(found: Found) -> dict[str, Any]:
    """Return a pack with all its versions, newest first, for JSON."""
    entry = found.entry
    return {
        "name": entry.name,
        "source": found.source.name,
        "publisher": entry.publisher,
        "description": entry.description,
        "license": entry.license,
        "homepage": entry.homepage,
        "keywords": list(entry.keywords),
        "downloads": entry.downloads,
        "versions": [{"version": v, **_release_table(found, entry.versions[v])} for v in found.versions],
    }


def pack_lines(found: Found) -> list[str]:
    """Return a pack in words: what it is, what its newest good version provides and may reach, and its versions.

    The last line says how it is installed.
    """
    entry = found.entry
    out = [f"{entry.name}  ({found.source.name}, by {entry.publisher})", f"  {entry.description}"]
    out += [f"  {word} {text}" for word, text in (("license", entry.license), ("see", entry.homepage)) if text]
    if (shown := newest_of(entry)) is None:
        return [*out, "  no versions"]
    best, newest = shown
    out.append(_version_line(best, newest))
    out += [f"    may {line}" for line in newest.needs.lines()] or ["    may only compute"]
    out += [f"    hook {hook}" for hook in newest.hooks]
    out += [f"    {p.kind} {p.name}{f': {p.description}' if p.description else ''}" for p in newest.provides]
    out += [_version_line(version, entry.versions[version]) for version in found.versions if version != best]
    pin = f"=={best}" if newest.yanked else ""
    return [*out, f"  kt install @{found.source.name}/{entry.name}{pin}"]


def _version_line(version: str, release: Release) -> str:
    return f"  {version} was withdrawn: {release.yanked}" if release.yanked else f"  {version} for kt-core {release.kt}"


def packs_in(document: Document) -> str:
    """Return how many packs a document has, in words."""
    return f"{count} packs" if (count := len(document.packs)) != 1 else "1 pack"


def source_table(source: Source) -> dict[str, Any]:
    """Return a source for JSON; what is not known is None."""
    document = source.document
    return {
        "name": source.name,
        "origin": source.origin,
        "address": source.address,
        "key": text_of(source.key) if source.key else None,
        "fingerprint": source.fingerprint or None,
        "version": document.version if document else None,
        "publisher": document.publisher if document else None,
        "fetched": f"{source.fetched:%Y-%m-%dT%H:%M:%SZ}" if source.fetched else None,
        "expires": f"{document.expires:%Y-%m-%dT%H:%M:%SZ}" if document else None,
        "packs": len(document.packs) if document else None,
        "usable": source.usable,
        "remark": source.remark() or None,
    }


def source_lines(sources: Iterable[Source]) -> list[str]:
    """Return the sources in words."""
    return [line for source in sources for line in _source_lines(source)]


def _source_lines(source: Source) -> list[str]:
    document = source.document
    out = [f"{source.name}  {source.address}"]
    out.append(f"  key {source.fingerprint}" if source.key else "  not signed")
    if document is not None:
        age = f", {_age(source.fetched)}" if source.fetched else ""
        ends = f", expires {document.expires:%Y-%m-%d}" if document.expires.year < 9999 else ""
        out.append(f"  version {document.version}{age}{ends}, {packs_in(document)}")
    return [*out, *([f"  ! {remark}"] if (remark := source.remark()) else [])]


def _age(since: datetime) -> str:
    minutes = max(0, int((datetime.now(UTC) - since).total_seconds())) // 60
    if minutes < 120:
        return f"{minutes} minutes old"
    return f"{minutes // 60} hours old" if minutes < 2880 else f"{minutes // 1440} days old"


def _release_table(found: Found, release: Release) -> dict[str, Any]:
    return {
        "kt": release.kt,
        "needs": release.needs.table(),
        "provides": [{"kind": p.kind, "name": p.name, "description": p.description} for p in release.provides],
        "hooks": list(release.hooks),
        "requires": list(release.requires),
        "released": release.released or None,
        "yanked": release.yanked or None,
        "files": [_file_table(found.source, file) for file in release.files],
    }


def _file_table(source: Source, file: File) -> dict[str, Any]:
    return {"name": file.name, "url": source.url_of(file.url) or None, "sha256": file.sha256, "size": file.size}
