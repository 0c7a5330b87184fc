"""What a creature builds upon: a base in the same source is converted with it, one of another pack is named."""

import posixpath
import re
from pathlib import Path

from kt.errors import NotFound

from .section import Section, Target
from .source import find, load
from .work import Home, Work

KEYS = ("base_config", "config", "base")


def take_base(work: Work, section: Section, target: Target, home: Home) -> None:
    """Move the reference of a base."""
    for key in KEYS:
        text = section.text(key)
        if not text:
            continue
        if text.startswith("@") and text[1:].partition("/")[0] not in ("", work.pack):
            _foreign(work, section, key, text, target)
            continue
        file = _file(work, home, text.partition("/")[2] if text.startswith("@") else text, own=text.startswith("@"))
        if file is None:
            section.drop(key, f"there is no creature {text!r} here; say base: REFERENCE once it is there")
            continue
        folder = converted(work, file)
        section.move(key, target, ("base",), value=_dotted(posixpath.relpath(folder or ".", home.out or ".")))


def converted(work: Work, file: Path) -> str:
    """Return the folder that a creature of the source has in the output, where it is converted at the first call."""
    from .kohaku import creature

    folder = file.parent.resolve()
    if folder not in work.creatures:
        out = posixpath.join(work.top, "bases", folder_name(folder.name) or "base")
        while out in work.creatures.values():
            out += "-2"
        work.creatures[folder] = out
        creature(work, load(file, work.plugins.registry, work.report), out)
    return work.creatures[folder]


def folder_name(text: str) -> str:
    """Return a name that a folder may have, "" where nothing is left of it."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")


def _dotted(path: str) -> str:
    return path if path.startswith(".") else f"./{path}"


def _foreign(work: Work, section: Section, key: str, text: str, target: Target) -> None:
    """Move the reference of another pack, which need not be there yet."""
    why = ""
    try:
        work.plugins.registry.get("config", "reference", where="kt import")(work.plugins, text)
    except NotFound as error:
        why = f"{error.what}: install the pack, or name another base"
    section.move(key, target, ("base",), value=text, why=why or "of our pack of that name")


def _file(work: Work, home: Home, text: str, *, own: bool) -> Path | None:
    """Return the configuration that a path names: from the creature's folder, or from one of those above it."""
    if "\0" in text or len(text) > 1000:
        return None
    places = [work.root] if own else [home.folder, *home.folder.resolve().parents]
    for place in places:
        path = place / text
        if path.is_file():
            return path
        if path.is_dir() and (found := find(path, "config", "creature")):
            return found
    return None
