"""Names of an archive's members: those that leave the folder, and those that fall together on some file system."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ..inert import inert
from .findings import Finding, listed

_DRIVE = re.compile(r"[A-Za-z]:")


def bad_names(names: Sequence[str]) -> Iterator[Finding]:
    """Yield what is wrong with paths taken one by one."""
    if out := [n for n in names if _leaves(n)]:
        yield Finding("refuse", "path", f"paths that leave the folder it is unpacked to: {listed(out)}")
    if odd := [n for n in names if not _leaves(n) and not _plain(n)]:
        yield Finding("refuse", "path", f"paths that no file should have: {listed(odd)}")


def _leaves(name: str) -> bool:
    return name.startswith(("/", "\\")) or "\\" in name or ".." in name.split("/") or bool(_DRIVE.match(name))


def _plain(name: str) -> bool:
    parts = name.removesuffix("/").split("/")
    return bool(name) and not {"", "."} & set(parts) and inert(name, longest=len(name) + 1) == name


def clashing(names: Sequence[str]) -> Iterator[Finding]:
    """Yield the paths that stand twice, also where case or the form of letters is all that differs."""
    folded = Counter(folded_name(n) for n in names)
    if twice := [n for n in names if folded[folded_name(n)] > 1]:
        yield Finding("refuse", "duplicate", f"names that stand twice: {listed(twice)}")
    files = {folded_name(n) for n in names if not n.endswith("/")}
    folders = {str(p) for f in files for p in PurePosixPath(f).parents}
    if both := sorted(files & folders):
        yield Finding("refuse", "duplicate", f"both a file and a folder: {listed(both)}")


def folded_name(name: str) -> str:
    """Return a path as a file system sees it that knows neither case nor forms of letters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).removesuffix("/")
