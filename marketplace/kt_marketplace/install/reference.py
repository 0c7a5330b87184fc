"""What a user wrote behind `kt install`: a pack of an index, a requirement, a wheel, a folder, or a git address."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from kt.errors import NotFound, UsageError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from ..manifest import normal

Form: TypeAlias = Literal["index", "requirement", "wheel", "folder", "git"]
GIT = ("git+https://", "git+ssh://", "git+file://", "git@", "ssh://")


@dataclass(frozen=True, slots=True)
class Reference:
    """One thing to install. `text` is what is kept in the lock; `source` names an index for `@source/name`."""

    text: str
    form: Form
    name: str = ""
    specifier: SpecifierSet = SpecifierSet()
    source: str | None = None
    path: Path = Path()
    editable: bool = False


def parse(word: str, *, editable: bool = False) -> Reference:
    """Return what a word means. Raises UsageError for what means nothing, NotFound for a path that is not there."""
    if editable and (word.startswith(("@", *GIT)) or not Path(word).expanduser().is_dir()):
        raise UsageError(f"{word!r} is no folder", hint="-e runs a pack from its folder: kt install -e ./PACK")
    if word.startswith("@"):
        return _of_index(word)
    if word.startswith(GIT) or (word.startswith("https://") and word.partition("#")[0].endswith(".git")):
        return Reference(word, "git")
    if "/" in word or word in (".", "..") or word.endswith(".whl") or editable:
        return _of_path(word, editable)
    found = _requirement(word)
    return Reference(word, "requirement", normal(found.name), found.specifier)


def _of_index(word: str) -> Reference:
    source, slash, rest = word[1:].rpartition("/")
    found = _requirement(rest)
    if slash and not source:
        raise UsageError(f"{word!r} names no index", hint="kt install @index/pack")
    return Reference(word, "index", normal(found.name), found.specifier, source or None)


def _of_path(word: str, editable: bool) -> Reference:
    path = Path(word).expanduser()
    if not path.exists():
        raise NotFound(f"no such file or folder: {word}")
    path = path.resolve()
    if path.is_file() and path.suffix == ".whl":
        return Reference(str(path), "wheel", path=path)
    if not (path / "pyproject.toml").is_file():
        raise UsageError(f"{word} is no wheel, and no folder with a pyproject.toml")
    return Reference(str(path), "folder", path=path, editable=editable)


def _requirement(text: str) -> Requirement:
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(f"{text!r} is no pack: {str(error).splitlines()[0]}", hint="kt install --help") from None
    if found.url or found.marker:
        raise UsageError(f"{text!r}: a pack is named by its name and version", hint="kt install @name==1.2")
    if found.extras:
        raise UsageError(f"{text!r}: extras of a pack are not installed", hint="name what they bring")
    return found
