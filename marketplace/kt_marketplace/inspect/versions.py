"""Which Python, kernel and other distributions a wheel asks for, and what its name could be taken for."""

import platform
from collections.abc import Iterator
from functools import cache

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, sys_tags
from packaging.version import InvalidVersion

from ..manifest import normal
from .case import KERNEL, Case
from .findings import Finding, listed
from .names import confusable


def check(case: Case) -> Iterator[Finding]:
    """Yield what does not fit this environment, and names that are not what they seem."""
    yield from _python(case)
    yield from _kernel(case)
    yield from _requires(case)
    yield from _name(case)


PURE = Tag("py3", "none", "any")
"""Fits every Python 3; the many tags of this one take long to work out."""


@cache
def _tags() -> frozenset[Tag]:
    return frozenset(sys_tags())


def _python(case: Case) -> Iterator[Finding]:
    here, asked = platform.python_version(), case.wheel.requires_python
    if not _admits(asked, here):
        yield Finding("refuse", "python", f"needs Python {asked}; this is {here}")
    if PURE not in case.wheel.tags and not case.wheel.tags & _tags():
        tags = listed(sorted(map(str, case.wheel.tags)))
        yield Finding("refuse", "tags", f"is built for another Python or machine: {tags}")


def _admits(specifier: str, version: str) -> bool:
    try:
        return not specifier or SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def _kernel(case: Case) -> Iterator[Finding]:
    here = case.installed.versions.get(KERNEL)
    asked = [str(r.specifier) for r in case.wheel.requires if normal(r.name) == KERNEL and _applies(r)]
    if case.wheel.manifest is not None:
        asked.append(case.wheel.manifest.kt)
    if here is None:
        if any(asked):
            yield Finding("note", "kernel", f"needs kt-core {listed(asked)}; which one is installed is not known")
        return
    for specifier in dict.fromkeys(asked):
        if not _admits(specifier, here):
            yield Finding("refuse", "kernel", f"needs kt-core {specifier}; {here} is installed")


def _applies(requirement: Requirement) -> bool:
    if requirement.marker is None:
        return True
    try:
        return bool(requirement.marker.evaluate({"extra": ""}))
    except (UndefinedEnvironmentName, UndefinedComparison, InvalidVersion):
        return True


def _requires(case: Case) -> Iterator[Finding]:
    if direct := [str(r) for r in case.wheel.requires if r.url]:
        yield Finding("refuse", "url", f"depends on what a URL gives, which no index vouches for: {listed(direct)}")
    for requirement in case.wheel.requires:
        if other := confusable(requirement.name, case.official):
            text = f"depends on {requirement.name}, which could be taken for {other}"
            yield Finding("ask", "name", text)


def _name(case: Case) -> Iterator[Finding]:
    name = case.wheel.name
    if case.is_official:
        return
    others = [] if name in case.installed.versions else [k for k in case.known if normal(k) != name]
    if other := confusable(name, case.official) or confusable(name, others):
        yield Finding("ask", "name", f"its name {name} could be taken for {other}")
    if name.startswith("kt-"):
        yield Finding("note", "name", f"{name} is not one of the official packs, although its name begins with kt-")
