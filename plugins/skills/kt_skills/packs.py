"""Skills of installed packs, in the folder `skills` of their import package: `@pack/skills/name`."""

from importlib.util import find_spec
from pathlib import Path

from kt import Agent, Plugins
from kt.errors import NotFound, nearest

from .skill import FILE, Skill, load

FOLDER = "skills"
FOR = "creatures"
"""The key of a skill's metadata that names the creatures of its pack it is for; without it, all of them."""


def package(name: str) -> Path:
    """Return the folder of an import package, without importing it. Raises NotFound."""
    try:
        spec = find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise NotFound(f"there is no package {name!r}")
    return Path(places[0])


def skill_of(plugins: Plugins, reference: str) -> Skill:
    """Return the skill of `@pack/skills/name`. Raises NotFound, and what loading it raises."""
    pack, _, inside = reference.removeprefix("@").partition("/")
    kind, _, name = inside.partition("/")
    if not reference.startswith("@") or kind != FOLDER or not name or "/" in name or name.startswith("."):
        raise NotFound(f"{reference!r} is no skill of a pack", hint=f"write @pack/{FOLDER}/name")
    packs = _packs(plugins)
    if pack not in packs:
        raise NotFound(f"no pack {pack!r} is installed", where=reference, hint=nearest(pack, packs))
    folder = package(packs[pack]) / FOLDER
    names = [each.name for each in folders_in(folder)]
    if name not in names:
        raise NotFound(f"pack {pack!r} has no skill {name!r}", where=reference, hint=nearest(name, names))
    return load(folder / name, own=True)


def folders_of(agent: Agent) -> list[Path]:
    """Return the folders of the skills in the pack that the agent's creature is from; none where it is from none."""
    home = _home(agent.creature.path)
    if home is None or home.name not in _packs(agent.host.plugins).values() or not _is_package(home):
        return []
    return folders_in(home / FOLDER)


def origin_of(plugins: Plugins, skill: Skill) -> str:
    """Return the distribution that brings a skill, as "kt-biome 0.1.0"; "" for one of a project or a person."""
    versions = {point.dist: point.version for point, _ in plugins.modules.values()}
    dists = {module: dist for dist, module in _packs(plugins).items()}
    for folder in skill.folder.parents:
        if folder.name in dists and _is_package(folder):
            return f"{dists[folder.name]} {versions[dists[folder.name]]}"
    return ""


def is_for(skill: Skill, creature: Path | None) -> bool:
    """Tell whether a skill of a pack is meant for the creature of this file of the pack."""
    named, home = skill.metadata.get(FOR), _home(creature)
    if named is None or home is None or creature is None:
        return True
    return Path(creature.relative_to(home).parts[1]).stem in named.split()


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a pack's folder of skills that hold SKILL.md, sorted."""
    return sorted(each for each in folder.iterdir() if (each / FILE).is_file()) if folder.is_dir() else []


def _packs(plugins: Plugins) -> dict[str, str]:
    """Return the import package of each installed distribution by its name."""
    return {point.dist: point.dist.replace("-", "_") for point, _ in plugins.modules.values()}


def _is_package(folder: Path) -> bool:
    """Tell whether a folder is the import package of its name."""
    try:
        return package(folder.name).resolve() == folder.resolve()
    except NotFound:
        return False


def _home(file: Path | None) -> Path | None:
    """Return the folder that holds the folder `creatures` or `terrariums` with the file of a creature."""
    tops = [p.parent for p in (file.parents if file else ()) if p.name in ("creatures", "terrariums")]
    return tops[-1] if tops else None
