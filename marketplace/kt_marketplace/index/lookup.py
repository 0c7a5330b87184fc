"""Choose the version of a pack that is to be installed."""

from collections.abc import Sequence
from dataclasses import dataclass

from kt.errors import ConfigError, NotFound
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from .document import File, Release
from .errors import Ambiguous, IndexRefused
from .source import Source
from .sources import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A version of a pack. `files` have absolute addresses, "" where the package index has them; [] means all there.

    `asks` says what a user has to agree to first: that it was withdrawn, and why.
    """

    source: Source
    name: str
    version: str
    release: Release
    files: tuple[File, ...]
    asks: tuple[str, ...] = ()


def choose(found: Sequence[Found], wanted: SpecifierSet, kernel: str) -> Choice:
    """Return the newest version that is not yanked and whose range admits this version of kt-core.

    `found` is what `Sources.find` found: a source of KT_INDEX goes before the others, two others that have the pack
    are Ambiguous. An exact pin (`==1.2`) may be a yanked version. Raises NotFound, ConfigError for a kernel that does
    not fit, IndexRefused for an index that expired.
    """
    one = _one(found)
    if not one.source.usable:
        raise IndexRefused(one.source.remark(), hint=f"kt marketplace refresh {one.source.name}")
    releases = one.entry.versions
    matching = [v for v in one.versions if wanted.contains(v, prereleases=True)]
    if not matching:
        raise NotFound(
            f"{one.source.name} has no {one.name}{wanted}",
            hint=f"it has {', '.join(one.versions[:10])}" if one.versions else "",
        )
    fitting = [v for v in matching if SpecifierSet(releases[v].kt).contains(kernel, prereleases=True)]
    if not fitting:
        ranges = f"{one.name} {matching[0]} needs kt-core {releases[matching[0]].kt}"
        raise ConfigError(f"{ranges}, and this is {kernel}", hint="another version, or pip install -U kterrarium")
    good = [v for v in fitting if not releases[v].yanked]
    if not good and not _is_pin(wanted):
        why = f"{one.name} {fitting[0]} was withdrawn: {releases[fitting[0]].yanked}"
        raise NotFound(why, hint=f"kt install {one.name}=={fitting[0]} takes it all the same")
    return _choice(one, _newest(good or fitting, wanted))


def _one(found: Sequence[Found]) -> Found:
    if found[0].source.origin == "environment" or len(found) == 1:
        return found[0]
    sources = " and ".join(f.source.name for f in found)
    ways = " or ".join(f"kt install @{f.source.name}/{f.name}" for f in found)
    raise Ambiguous(f"{found[0].name} is in the sources {sources}", hint=ways)


def _newest(versions: Sequence[str], wanted: SpecifierSet) -> str:
    """Return the first version that is no pre-release, unless such were asked for or there is nothing else."""
    if wanted.prereleases:
        return versions[0]
    return next((v for v in versions if not Version(v).is_prerelease), versions[0])


def _is_pin(wanted: SpecifierSet) -> bool:
    return any(s.operator == "===" or (s.operator == "==" and not s.version.endswith("*")) for s in wanted)


def _choice(one: Found, version: str) -> Choice:
    release = one.entry.versions[version]
    files = tuple(File(f.name, one.source.url_of(f.url), f.sha256, f.size) for f in release.files)
    asks = (f"{one.name} {version} was withdrawn: {release.yanked}",) if release.yanked else ()
    return Choice(source=one.source, name=one.name, version=version, release=release, files=files, asks=asks)
