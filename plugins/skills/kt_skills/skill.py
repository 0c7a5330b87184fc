"""One skill: a folder with SKILL.md, as agentskills.io has it."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kt.errors import DataError

from . import frontmatter
from .folder import read_bytes

FILE = "SKILL.md"
KEYS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
MAX_NAME, MAX_DESCRIPTION, MAX_COMPATIBILITY = 64, 1_024, 500
MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Skill:
    """What SKILL.md says. `folder` is its real path; `own`: the user's, from the home folder or a wheel.

    `allowed_tools` are known and grant nothing: what a tool may do is the user's to say.
    """

    name: str
    description: str
    folder: Path
    body: str
    own: bool = False
    license: str = ""
    compatibility: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    allowed_tools: tuple[str, ...] = ()


def load(folder: Path, *, own: bool = False) -> Skill:
    """Return the skill in a folder, whose name must be the skill's.

    Raises DataError with file:line:col, or the file, for what does not fit; Vetoed where SKILL.md links out of the
    folder; KTError where it can't be read.
    """
    path, real = folder / FILE, folder.resolve()
    data = read_bytes(real, FILE, MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"it is larger than {MAX_BYTES // 1024} KiB", where=str(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start}", where=str(path)) from None
    values, body = frontmatter.read(text, path, KEYS)
    tools = values.get("allowed-tools", "")
    if isinstance(tools, dict):
        raise DataError("allowed-tools must be a text or a list", where=str(path))
    return Skill(
        _name(_text(values, "name", path, required=True), folder.name, path),
        _text(values, "description", path, limit=MAX_DESCRIPTION, required=True),
        real,
        body,
        own,
        _text(values, "license", path),
        _text(values, "compatibility", path, limit=MAX_COMPATIBILITY),
        _map(values, path),
        tuple(tools.split() if isinstance(tools, str) else tools),
    )


def _text(
    values: Mapping[str, frontmatter.Value], key: str, path: Path, *, limit: int = MAX_BYTES, required: bool = False
) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise DataError(f"{key} must be a text", where=str(path))
    text = value.strip()
    if required and not text:
        raise DataError(f"it has no {key}", where=str(path))
    if len(text) > limit:
        raise DataError(f"{key} has {len(text):,} characters, {limit:,} are allowed", where=str(path))
    return text


def _map(values: Mapping[str, frontmatter.Value], path: Path) -> Mapping[str, str]:
    value = values.get("metadata") or {}
    if not isinstance(value, dict):
        raise DataError("metadata must be a map of texts", where=str(path))
    return value


def _name(given: str, folder: str, path: Path) -> str:
    """Return the name in Unicode's composed form. Raises DataError for one that is malformed or not the folder's."""
    name = unicodedata.normalize("NFKC", given)
    if len(name) > MAX_NAME:
        raise DataError(f"name has {len(name)} characters, {MAX_NAME} are allowed", where=str(path))
    if name != name.lower() or not all(word.isalnum() for word in name.split("-")):
        raise DataError(f"the name {name!r} must be lower-case letters, digits and single hyphens", where=str(path))
    if name != unicodedata.normalize("NFKC", folder):
        raise DataError(f"the name {name!r} is not that of its folder, {folder!r}", where=str(path))
    return name
