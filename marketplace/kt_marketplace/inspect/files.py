"""What a wheel's files do by lying where they lie: code at every start of Python, files elsewhere, machine code."""

import re
from collections import Counter
from collections.abc import Iterator

from .case import Case
from .findings import Finding, Level, listed
from .layout import modules

AT_START = ("sitecustomize", "usercustomize")
GIT = ".git"
OBEYED = {
    **dict.fromkeys(("uv.toml", "pip.conf", "pip.ini"), "installers obey it"),
    **dict.fromkeys((".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs"), "installers of npm packages obey it"),
    **dict.fromkeys((".pypirc", ".netrc"), "it says where passwords go"),
    ".envrc": "shells obey it",
    "conftest.py": "pytest loads it",
}
"""Files that programs obey in the folder where they are started, or above it."""
TESTS = {"test", "tests"}
_NATIVE = re.compile(r"(?i).*\.(?:so(?:\.\d+)*|pyd|dylib|dll|exe)")
_METADATA = re.compile(r"(?i)/[^/]+\.(?:dist|egg)-info(?:/|$)")
_DATA = re.compile(r"([^/]+)\.data/([^/]+)/(.*)")
_DOCUMENTS = re.compile(r"share/(?:man|doc|info|jupyter|applications|icons|locale|bash-completion|zsh)/|etc/jupyter/")
_PROGRAMS = re.compile(r"(?i)(?:bin|scripts)/")


def check(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with where files come to lie."""
    if starting := [p for p in case.paths if "/" not in p and p.lower().endswith(".pth")]:
        yield Finding("refuse", "pth", f"runs code at every start of Python: {listed(starting)}")
    if custom := sorted({m for m in modules(case.paths) if m.lower() in AT_START}):
        yield Finding("refuse", "startup", f"runs code at every start of Python: module {listed(custom)}")
    if beside := [p for p in case.paths if _PROGRAMS.match(p)]:
        yield Finding("refuse", "path", f"a package called like the folder of programs: {listed(beside)}")
    yield from _data(case)
    yield from _obeyed(case)
    if compiled := [p for p in case.paths if p.lower().endswith((".pyc", ".pyo"))]:
        yield Finding(case.strictly, "bytecode", f"compiled Python, which can't be read here: {listed(compiled)}")
    if native := [n for n in case.wheel.files if _NATIVE.fullmatch(n)]:
        level: Level = "ask" if case.pack else "note"
        yield Finding(level, "native", f"machine code, which can't be read here: {listed(native)}")


def _obeyed(case: Case) -> Iterator[Finding]:
    """Yield what other programs would obey where it lies, and metadata of other distributions inside a package."""
    if repository := [n for n in case.wheel.files if GIT in n.lower().split("/")]:
        yield Finding("refuse", "git", f"git runs what such a folder says: {listed(repository)}")
    for path in case.paths:
        folder, _, name = path.rpartition("/")
        why = OBEYED.get(name.lower())
        if why and not folder:
            yield Finding(case.strictly, "settings", f"brings {path} beside all packages; {why}")
        elif why and case.pack and not (name == "conftest.py" and TESTS & set(folder.split("/"))):
            yield Finding("ask", "settings", f"brings {path}; {why}")
    inside = [p for p in case.paths if _METADATA.search(p)]
    if case.pack and inside:
        yield Finding("ask", "dist-info", f"it brings metadata of other distributions in a package: {listed(inside)}")


def _data(case: Case) -> Iterator[Finding]:
    """Yield what a .data folder puts beside site-packages, or tries to hide."""
    if twice := [path for path, times in Counter(case.paths).items() if times > 1]:
        yield Finding("refuse", "duplicate", f"installed twice, by way of the .data folder: {listed(twice)}")
    kinds: dict[str, list[str]] = {}
    for name in case.wheel.files:
        if found := _DATA.fullmatch(name):
            own = f"{found[1]}.dist-info" == case.wheel.dist_info
            kinds.setdefault(found[2] if own else "of another distribution", []).append(name)
    for kind, names in kinds.items():
        if case.pack or kind not in ("purelib", "platlib"):
            yield Finding(_level(case, kind, names), "data", f"puts files elsewhere ({kind}): {listed(names)}")


def _level(case: Case, kind: str, names: list[str]) -> Level:
    """Return how bad it is to put files beside site-packages; a library may bring programs, headers, documents."""
    if case.pack or kind not in ("scripts", "headers", "data"):
        return "refuse"
    if kind == "scripts":
        return "note"
    documents = all(_DOCUMENTS.match(name.split("/", 2)[2]) for name in names)
    return "ask" if kind == "headers" or documents else "refuse"
