"""The recipes that installed packs carry, and the creatures of one."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Creature
from kt.errors import KTError

if TYPE_CHECKING:
    from kt import Plugins

ENDINGS = (".yaml", ".yml", ".toml")


def recipes_of(plugins: "Plugins", dist: str) -> list[tuple[str, str]]:
    """Return (reference, description) of the recipes a pack carries; of one that does not load, what is wrong."""
    name = dist.replace("-", "_")
    spec = find_spec(name) if name.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / "terrariums" if places else None
    if folder is None or not folder.is_dir():
        return []
    files = [(entry, _file(entry)) for entry in sorted(folder.iterdir())]
    return [(f"@{dist}/terrariums/{e.name}", _description(plugins, file)) for e, file in files if file is not None]


def _file(entry: Path) -> Path | None:
    if entry.is_file():
        return entry if entry.suffix in ENDINGS else None
    return next((file for ending in ENDINGS if (file := entry / f"terrarium{ending}").is_file()), None)


def _description(plugins: "Plugins", file: Path) -> str:
    try:
        told: Any = plugins.registry.get("config", "document")(file, plugins.registry).data.get("terrarium")
    except KTError as error:
        return f"does not load: {error}"
    return " ".join(str(told.get("description") or "").split()) if isinstance(told, dict) else "is no recipe"


def members_of(plugins: "Plugins", ref: str) -> dict[str, Creature]:
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
