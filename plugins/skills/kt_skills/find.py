"""Where skills are: in the project, nearest folder first, then in the home folder, then in wheels and packs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from kt import Agent, Entry, Registry
from kt.errors import DataError, KTError, Vetoed

from .chain import repository_root
from .packs import folders_of, is_for, package, skill_of
from .skill import FILE, Skill, load

PLACES = (".agents/skills", ".claude/skills")
MAX_SKILLS = 200
"""Skills of one folder; it is a stranger's, and each costs time."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A skill that was found and can't be used: the name it would have, where the trouble is, and what it is."""

    name: str
    where: str
    why: str

    def __str__(self) -> str:
        return f"skill {self.name!r} is left out: {self.why} ({self.where})"


@dataclass(slots=True)
class Found:
    """All skills, by name, the nearest first; and what was found but does not fit."""

    skills: dict[str, Skill] = field(default_factory=dict)
    unfit: list[Unfit] = field(default_factory=list)


def skills_of(agent: Agent, named: Iterable[str] = ()) -> Found:
    """Return the skills an agent is offered: those of its folder, those of its pack, and those `named` by reference.

    Raises NotFound for a reference that leads nowhere, and what loading its skill raises.
    """
    found = find_skills(agent.pwd, agent.host.registry)
    for folder in folders_of(agent):
        try:
            skill = load(folder, own=True)
        except KTError as error:
            found.unfit.append(_unfit(folder, error))
            continue
        if is_for(skill, agent.creature.path):
            found.skills.setdefault(skill.name, skill)
    for reference in named:
        skill = skill_of(agent.host.plugins, reference)
        found.skills.setdefault(skill.name, skill)
    return found


def find_skills(pwd: Path, registry: Registry) -> Found:
    """Return the skills of a working folder. Of two with one name the nearest that fits is taken."""
    found, pwd = Found(), pwd.resolve()
    root = repository_root(pwd)
    seen: set[Path] = set()
    project = [folder / place for folder in (pwd, *pwd.parents) if folder.is_relative_to(root) for place in PLACES]
    for base in (*project, *_at_home()):
        if (real := base.resolve()) not in seen:
            seen.add(real)
            _add_all(found, base, root if base in project else None)
    for entry in registry.entries("skill"):
        _add_shipped(found, entry)
    return found


def _at_home() -> list[Path]:
    try:
        return [Path.home() / PLACES[0]]
    except RuntimeError:  # nobody's home is known
        return []


def _add_all(found: Found, base: Path, root: Path | None) -> None:
    """Add the skills of a folder; those of a project must lie beneath its root, links resolved."""
    try:
        folders = sorted(islice(_folders(base), MAX_SKILLS + 1))
    except OSError as error:
        found.unfit.append(Unfit("*", str(base), f"the folder can't be read: {error.strerror}"))
        return
    if len(folders) > MAX_SKILLS:
        found.unfit.append(Unfit("*", str(base), f"there are more than {MAX_SKILLS} skills"))
    for folder in folders[:MAX_SKILLS]:
        try:
            if root is not None and not folder.resolve().is_relative_to(root):
                raise Vetoed("its folder is a link that leads out of the project")
            skill = load(folder, own=root is None)
            found.skills.setdefault(skill.name, skill)
        except (KTError, RuntimeError) as error:
            found.unfit.append(_unfit(folder, error))


def _folders(base: Path) -> Iterator[Path]:
    """Yield the folders in a folder that hold SKILL.md, be it one that can't be read."""
    if not base.is_dir():
        return
    for folder in base.iterdir():
        try:
            (folder / FILE).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass
        yield folder


def _unfit(folder: Path, error: Exception) -> Unfit:
    what, where = (error.what, error.where) if isinstance(error, KTError) else (str(error), "")
    return Unfit(folder.name, where or str(folder / FILE), what)


def _add_shipped(found: Found, entry: Entry) -> None:
    """Add the skill that a wheel registered as "package:folder"."""
    name, _, inside = str(entry.target).partition(":")
    try:
        top = package(name)
        folder = top / inside
        if not folder.resolve().is_relative_to(top.resolve()):
            raise Vetoed("its folder lies outside the package")
        skill = load(folder, own=True)
        if skill.name != entry.name:
            raise DataError(f"it is called {skill.name!r}")
        found.skills.setdefault(skill.name, skill)
    except KTError as error:
        found.unfit.append(Unfit(entry.name, error.where or f"{entry.dist}: {entry.target}", error.what))
