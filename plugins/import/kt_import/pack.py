"""A pack of the reference system as one of ours: a wheel's folder with creatures, terrariums, prompts and skills."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from . import manifest
from .bases import folder_name
from .kohaku import creature
from .names import CODE, WRITE
from .recipe import recipe
from .section import Section
from .skills import skill
from .source import Document, find, load
from .work import Home, Work, prompt_file

PRESETS = "models are the user's: `kt model add NAME PROVIDER/MODEL`"
GONE = {
    "tools": WRITE["tool"],
    "plugins": WRITE["plugin"],
    "triggers": WRITE["trigger"],
    "io": WRITE["input"],
    "commands": WRITE["command"],
    "user_commands": WRITE["command"],
    "framework_hints": "a plugin adds to prompts by kt_prompt: docs/hooks.md",
    "llm_presets": PRESETS,
    "llm_backends": "an endpoint is `kt model add NAME --base-url URL`; a provider is docs/kinds/provider.md",
    "drive_registrations": "there are no drives; a plugin keeps state of its own",
    "python_dependencies": CODE + "what you write anew names its own in pyproject.toml: dependencies",
}
ABOUT = ("version", "description", "author", "repository", "license", "homepage", "tags", "keywords", "framework")


@dataclass(slots=True)
class Pack:
    """What is known of the pack: `dist` and `package` are its names, `provides` is (kind, name, description)."""

    dist: str
    package: str
    about: dict[str, str] = field(default_factory=dict)
    keywords: list[str] = field(default_factory=list)
    provides: list[tuple[str, str, str]] = field(default_factory=list)


def pack(work: Work, document: Document) -> None:
    """Convert a pack into the files of a wheel's project."""
    section = document.section(work.report)
    made = _named(section, document)
    work.pack, work.top, work.shelf = section.text("name") or made.dist, made.package, f"{made.package}/prompts"
    known = made.dist in {point.dist for point, _ in work.plugins.modules.values()}
    clash = "; a distribution of this name is installed: give yours another one" if known else ""
    section.used("name", f"pyproject.toml and kt-pack.toml: {made.dist}{clash}")
    _about(section, made)
    _prompts(work, section, made)
    creatures, recipes = _entries(work, section, made, "creatures"), _entries(work, section, made, "terrariums")
    for file, name in creatures:
        work.creatures[file.parent.resolve()] = f"{made.package}/creatures/{name}"
    said = {name: description for kind, name, description in made.provides if kind == "creature"}
    for file, name in creatures:
        document = load(file, work.plugins.registry, work.report)
        creature(work, document, f"{made.package}/creatures/{name}", description=said[name])
    for file, name in recipes:
        recipe(work, load(file, work.plugins.registry, work.report), f"{made.package}/terrariums/{name}")
    _skills(work, section, made)
    for key, why in GONE.items():
        _gone(section, key, why)
    manifest.add(work, made, section.place(section.at))


def _named(section: Section, document: Document) -> Pack:
    text = section.text("name") or document.path.resolve().parent.name
    dist = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "pack"
    if dist[0].isdigit():
        dist = f"pack-{dist}"
    return Pack(dist, dist.replace("-", "_"))


def _about(section: Section, made: Pack) -> None:
    """Move what a pack says of itself."""
    if "license" not in section:
        why = "the source names none: say it in pyproject.toml and kt-pack.toml"
        section.report.add("dropped", "license", section.place(section.at), why)
    for key in ABOUT:
        value = section.get(key)
        if key in ("tags", "keywords") and isinstance(value, list):
            made.keywords += [one_line(str(tag)) for tag in value]
            for index in list((tags := section.inner(key)).left):
                tags.used(index, "kt-pack.toml: keywords")
        elif key == "framework":
            section.drop(key, "kt-pack.toml has a range of kernels, which is that of today")
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            made.about[key] = one_line(str(value))
            section.used(key, f"pyproject.toml: {key}")


def _entries(work: Work, section: Section, made: Pack, key: str) -> list[tuple[Path, str]]:
    """Return the configurations of a list of creatures or terrariums, with their names."""
    found: list[tuple[Path, str]] = []
    kind, stems = key[:-1], ("terrarium", "config") if key == "terrariums" else ("config", "creature")
    rows = section.inner(key)
    for index in list(rows.left):
        row = rows.inner(index, alone="name")
        name = folder_name(row.text("name") or Path(row.text("path")).name)
        file = _inside(work, row.text("path") or f"{key}/{row.text('name')}")
        config = file if file is not None and file.is_file() else find(file, *stems) if file else None
        if config is None or not name or any(name == known for _, known in found):
            _gone_row(row, f"there is no {kind} of its own at its path")
            continue
        found.append((config, name))
        _provided(row, made, kind, name)
    return found


def _inside(work: Work, path: str) -> Path | None:
    """Return a path of the pack; None where it leads out, or nothing is there."""
    file = work.root / path
    return file if "\0" not in path and file.exists() and file.resolve().is_relative_to(work.root.resolve()) else None


def _provided(row: Section, made: Pack, kind: str, name: str) -> None:
    made.provides.append((kind, name, one_line(row.text("description"))))
    for key in ("name", "path", "description"):
        row.used(key, f"kt-pack.toml: provides {kind} {name}")
    row.drop("base", f"the {kind}'s own file says its base")


def one_line(text: str) -> str:
    """Return a text as one line that a terminal can show."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _gone_row(row: Section, why: str) -> None:
    for key in list(row.left):
        row.drop(key, why)


def _prompts(work: Work, section: Section, made: Pack) -> None:
    """Convert the prompts that creatures include by name."""
    rows = [(section.inner(key), key) for key in ("prompts", "templates")]
    listed: list[tuple[Section, str, Path]] = []
    for table, key in rows:
        for index in list(table.left):
            row = table.inner(index, alone="name")
            file = _inside(work, row.text("path") or f"{key}/{row.text('name')}.md")
            if file is None or not file.is_file():
                _gone_row(row, "there is no prompt at its path")
                continue
            listed.append((row, row.text("name") or file.stem, file))
    for _, name, file in listed:
        work.fragments[name] = file
    for row, name, file in listed:
        stem = folder_name(name.removesuffix(".md"))
        prompt_file(work, Home(file.parent, work.shelf), file, f"{work.shelf}/{stem}.md")
        _provided(row, made, "prompt", stem)


def _skills(work: Work, section: Section, made: Pack) -> None:
    rows = section.inner("skills")
    for index in list(rows.left):
        row = rows.inner(index, alone="name")
        source = _inside(work, row.text("path") or f"skills/{row.text('name')}")
        file = source / "SKILL.md" if source is not None and source.is_dir() else source
        if source is None or file is None or not file.is_file() or work.report.leads_out(file):
            _gone_row(row, "there is no SKILL.md at its path")
            continue
        _provided(row, made, "skill", skill(work, source, f"{made.package}/skills", name=row.text("name")))


def _gone(section: Section, key: str, why: str) -> None:
    """Report each entry of a list of code, with what is to be written."""
    if isinstance(section.get(key), dict | list):
        inner = section.inner(key)
        for index in list(inner.left):
            inner.drop(index, why)
    section.drop(key, why)
