"""The recipes that installed packs carry, and the creatures of one."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import KTError

if TYPE_CHECKING:
    from kt import Creature, Plugins

ENDINGS = (".yaml", ".yml", ".toml")


def recipes_of(plugins: "Plugins", dist: str) -> list[str]:
    """Return the references of the recipes that a pack carries, e.g. @kt-biome/terrariums/swe_team."""
    name = dist.replace("-", "_")
    spec = find_spec(name) if name.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / "terrariums" if places else None
    if folder is None or not folder.is_dir():
        return []
    return [f"@{dist}/terrariums/{entry.name}" for entry in sorted(folder.iterdir()) if _is_recipe(entry)]


def _is_recipe(entry: Path) -> bool:
    if entry.is_file():
        return entry.suffix in ENDINGS
    return any((entry / f"terrarium{ending}").is_file() for ending in ENDINGS)


def description_of(plugins: "Plugins", ref: str) -> str:
    """Return what a recipe says of itself, without reading its creatures; of one that can't be read, why."""
    try:
        path = plugins.registry.get("config", "reference")(plugins, ref, kind="terrarium")
        told: Any = plugins.registry.get("config", "document")(path, plugins.registry).data.get("terrarium")
    except KTError as error:
        return f"does not load: {error}"
    return " ".join(str(told.get("description") or "").split()) if isinstance(told, dict) else "is no recipe"


def members_of(plugins: "Plugins", ref: str) -> "dict[str, Creature]":
    """Return the creatures of a recipe by name, the root first; {} for what is no recipe.

    Raises what reading the file and the recipe raises.
    """
    kind = "creature" if plugins.registry.find("terrarium", ref) is None else "terrarium"
    path = plugins.registry.get("config", "reference")(plugins, ref, kind=kind)
    document = plugins.registry.get("config", "document")(path, plugins.registry)
    if "terrarium" not in document.data:
        return {}
    from .recipe import of_document

    recipe = of_document(plugins, document)
    names = sorted(recipe.seats, key=lambda name: name != recipe.root)
    return {name: recipe.seats[name][1] for name in names}
