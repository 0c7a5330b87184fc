"""Where a wheel's files come to lie, and which names can be imported from there."""

import re
from collections.abc import Iterable, Iterator

SUFFIXES = (".py", ".pyc", ".so", ".pyd")
_MOVED = re.compile(r"[^/]+\.data/(?:purelib|platlib)/(.+)")
_OUTSIDE = re.compile(r"[^/]+\.data/(?!purelib/|platlib/)")


def installed_path(name: str) -> str | None:
    """Return where a member of a wheel comes to lie in site-packages; None for what lands elsewhere."""
    if moved := _MOVED.fullmatch(name):
        return moved[1]
    return None if _OUTSIDE.match(name) else name


def site_files(names: Iterable[str]) -> Iterator[str]:
    """Yield the paths in site-packages that members of a wheel come to."""
    return (path for name in names if (path := installed_path(name)) is not None)


def modules(paths: Iterable[str]) -> dict[str, bool]:
    """Return the top-level modules that paths in site-packages make: name -> whether it is a namespace package.

    A folder without code in it is a namespace package as well; one with an `__init__` is a regular package.
    """
    found: dict[str, bool] = {}
    for path in paths:
        top, _, rest = path.partition("/")
        if top.endswith((".dist-info", ".egg-info", ".data")):
            continue
        if not rest:
            if top.lower().endswith(SUFFIXES):
                found[top.partition(".")[0]] = False
        elif top.isidentifier():
            regular = "/" not in rest and rest.partition(".")[0] == "__init__" and rest.endswith(SUFFIXES)
            found[top] = found.get(top, True) and not regular
    return found


def importable(paths: Iterable[str]) -> frozenset[str]:
    """Return the dotted names of all modules among paths in site-packages."""
    found = set()
    for path in paths:
        if path.endswith(SUFFIXES):
            folder, _, file = path.rpartition("/")
            stem = file.partition(".")[0]
            found.add((folder if stem == "__init__" else f"{folder}/{stem}").strip("/").replace("/", "."))
    return frozenset(found)
