"""Skills: folders with SKILL.md, copied as they are but for what our reader would not take."""

import posixpath
import re
import unicodedata
from pathlib import Path
from typing import Any

from .frontmatter import Front, parse
from .section import Section
from .source import read_text
from .work import Work
from .yaml_text import dump

KEYS = ("license", "compatibility", "allowed-tools")
MAX_NAME, MAX_DESCRIPTION, MAX_COMPATIBILITY = 64, 1024, 500
MAX_BYTES = 8 << 20


def skill(work: Work, source: Path, out: str, *, name: str = "") -> str:
    """Convert the skill of a folder, or of one Markdown file, into a folder below `out`; return its name."""
    file = source / "SKILL.md" if source.is_dir() else source
    stem = name or (file.resolve().parent.name if file.name == "SKILL.md" else file.stem)
    front = parse(read_text(file, work.report), file, work.plugins.registry, work.report)
    work.report.reads(file)
    made = slug(front.section.text("name") or stem)
    folder = posixpath.join(out, made)
    work.files[posixpath.join(folder, "SKILL.md")] = text_of_skill(front, made)
    if file.name == "SKILL.md":
        _others(work, file.parent, folder)
    return made


def text_of_skill(front: Front, name: str, *, description: str = "") -> str:
    """Return SKILL.md with the keys our reader knows; others go to `metadata`, as texts."""
    section, data = front.section, {"name": name}
    given = section.text("name")
    if "name" in section:
        _note(section, "name", name, same=given == name, why="lower-case letters, digits and hyphens")
    said = section.text("description").strip() or description or _first_line(front.body) or name
    data["description"] = _cut(said, MAX_DESCRIPTION)
    if "description" in section:
        _note(section, "description", "description", same=data["description"] == section.text("description"), why="cut")
    more: dict[str, str] = {}
    for key in list(section.left):
        value = section.get(key)
        if key == "metadata" and isinstance(value, dict):
            inner = section.inner(key)
            for each in list(inner.left):
                more[str(each)] = _text(inner.get(each))
                _note(inner, each, f"metadata.{each}", same=inner.get(each) == more[str(each)], why="as text")
        elif key in KEYS and _plain(value):
            data[str(key)] = _cut(_listed(value), MAX_COMPATIBILITY if key == "compatibility" else 4000)
            _note(section, key, str(key), same=data[str(key)] == value, why="as text")
        else:
            more[str(key)] = _text(value)
            _note(section, key, f"metadata.{key}", same=False, why="a skill has no such key here")
    whole: dict[str, Any] = {**data, "metadata": more} if more else dict(data)
    return f"---\n{dump(whole)}---\n{front.body}"


def _note(section: Section, key: str | int, to: str, *, same: bool, why: str) -> None:
    where, name = section.where(key), section.key(key)
    del section.left[key]
    path = tuple(to.split(".", 1))
    section.report.add("kept" if same else "changed", name, where, to if same else f"{to}; {why}", path)


def slug(name: str) -> str:
    """Return the name that a skill may have: lower-case letters, digits and single hyphens."""
    text = unicodedata.normalize("NFKC", name).lower()
    words = ["".join(c for c in word if c.isalnum()) for word in re.split(r"[^\w]+|_+", text)]
    return "-".join(filter(None, words))[:MAX_NAME].strip("-") or "skill"


def _plain(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _listed(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _text(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, limit: int) -> str:
    return text.strip() if len(text.strip()) <= limit else f"{text.strip()[: limit - 4]} ..."


def _first_line(body: str) -> str:
    lines = (line.strip().lstrip("#").strip() for line in body.splitlines())
    return next((line for line in lines if line), "")


def _others(work: Work, source: Path, folder: str) -> None:
    """Copy the other files of a skill; links and hidden files are none of it."""
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        hidden = any(part.startswith((".", "__pycache__")) for part in inner.parts)
        if hidden or path.is_symlink() or not path.is_file() or inner.as_posix() == "SKILL.md":
            continue
        if path.stat().st_size > MAX_BYTES:
            work.report.add("dropped", inner.as_posix(), str(path), "the file is larger than 8 MiB: copy it yourself")
            continue
        work.files[posixpath.join(folder, inner.as_posix())] = path.read_bytes()
        work.report.reads(path)
        work.report.add("kept", inner.as_posix(), str(path), posixpath.join(folder, inner.as_posix()))
