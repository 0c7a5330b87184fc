"""What a pack carries as files: creatures, terrariums, skills, prompts."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .outcome import Found

if TYPE_CHECKING:
    from kt import Entry

NAMES = ("creature", "terrarium", "config")
ENDINGS = (".yaml", ".yml", ".toml")
SKILL = "SKILL.md"


def files_of(package: Path) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of each creature, terrarium, skill and prompt that a package carries."""
    for kind in ("creature", "terrarium"):
        for path in _in(package / f"{kind}s"):
            if path.suffix in ENDINGS or _configured(path):
                yield kind, path.stem if path.suffix in ENDINGS else path.name
    for path in _in(package / "skills"):
        if (path / SKILL).is_file():
            yield "skill", path.name
    for path in _in(package / "prompts"):
        if path.suffix == ".md":
            yield "prompt", path.stem


def _in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _configured(folder: Path) -> bool:
    return any((folder / (name + ending)).is_file() for name in NAMES for ending in ENDINGS)


def texts(package: Path) -> Found:
    """Yield what is wrong with the skills and prompts of a package."""
    for kind, name in files_of(package):
        file = package / "skills" / name / SKILL if kind == "skill" else package / "prompts" / f"{name}.md"
        if kind not in ("skill", "prompt"):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if not text.strip():
            yield f"{kind} {name} is empty", f"write {file.name}"
        elif kind == "skill":
            yield from _front_matter(name, text)


def _front_matter(name: str, text: str) -> Found:
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    given = dict(re.findall(r"^(name|description): *(.+?) *$", head[1], re.MULTILINE)) if head else {}
    if given.get("name", "").strip("'\"") != name or not given.get("description"):
        yield f"skill {name}: SKILL.md has no name: {name} and description: on top", "docs/skills.md has the keys"


def there(entry: "Entry") -> Found:
    """Yield why what a name stands for, "package:path" in it, is no creature, terrarium or skill."""
    package, _, inside = str(entry.target).partition(":")
    spec = find_spec(package) if package.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    path = Path(places[0]) / inside if places and ".." not in Path(inside).parts else None
    good = path is not None and (
        (path / SKILL).is_file() if entry.kind == "skill" else path.is_file() or _configured(path)
    )
    if not good:
        yield f"{entry.target!r} is no {entry.kind}", f'"package:{entry.kind}s/name", a folder in the package'
