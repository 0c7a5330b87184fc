"""One way from a reference to a creature: a registered name, @pack/path, a path, or what a plugin resolves."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._creature import Creature
from ._files import Document, load_file
from .errors import DataError, NotFound, nearest

if TYPE_CHECKING:
    from ._plugins import Plugins

NAMES = ("creature", "config", "terrarium")
ENDINGS = (".yaml", ".yml", ".toml")


def is_reference(text: str) -> bool:
    """Tell whether a command-line word is a creature, not a prompt: @, . or / first, a file ending, or a folder."""
    if not text or "\n" in text or len(text) > 4096:
        return False
    return text.startswith(("@", ".", "/")) or text.endswith(ENDINGS) or Path(text).is_dir()


def find(plugins: "Plugins", ref: str, *, kind: str = "creature", base: Path | None = None) -> Path:
    """Return the file a reference names. Raises NotFound (with the nearest names) and DataError."""
    if ref.startswith("@"):
        return _file_in(_in_pack(plugins, ref), ref)
    entry = plugins.registry.find(kind, ref)
    if entry is not None:
        package, _, inside = str(entry.target).partition(":")
        return _file_in(_inside(_package(package, ref), inside, ref), ref)
    path = (base or Path.cwd()) / Path(ref).expanduser()
    if path.exists():
        return _file_in(path, ref)
    found = plugins.resolve(kind, ref)
    if isinstance(found, str | Path):
        return _file_in(Path(found), ref)
    known = [*plugins.registry.names(kind), *_siblings(path)]
    raise NotFound(f"no {kind} {ref!r}", hint=nearest(ref, known))


def load(plugins: "Plugins", thing: object, *, base: Path | None = None) -> Creature:
    """Return a creature from a reference, a path, a dict or a Creature."""
    if isinstance(thing, Creature):
        return thing
    if isinstance(thing, dict):
        return Creature.from_dict(thing)
    if not isinstance(thing, str | Path):
        raise DataError(f"{type(thing).__name__} is no creature", hint="give a reference, a path, a dict or kt.Creature")
    document = load_file(find(plugins, str(thing), base=base), plugins.registry)
    return creature_of(document)


def creature_of(document: Document) -> Creature:
    """Return the creature of a file; it is named after its folder or file where it has no name."""
    data: dict[str, Any] = dict(document.data)
    path = document.path
    if "name" not in data and path is not None:
        data["name"] = path.parent.name if path.stem in NAMES else path.stem
    return Creature.from_dict(data, document=document)


def _in_pack(plugins: "Plugins", ref: str) -> Path:
    pack, _, inside = ref[1:].partition("/")
    if not pack:
        raise NotFound(f"{ref!r} names no pack", hint="write @pack/creatures/name")
    return _inside(_package(pack.replace("-", "_"), ref, plugins), inside, ref)


def _package(name: str, ref: str, plugins: "Plugins | None" = None) -> Path:
    spec = find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        packs = {p.dist for p, _ in plugins.modules.values()} if plugins else set()
        dist = name.replace("_", "-")
        hint = f"kt install @{dist}"
        if close := nearest(dist, packs) if packs else "":
            hint = f"{close} or {hint}" if close.startswith("did") else hint
        raise NotFound(f"no pack {dist!r} is installed", where=ref, hint=hint)
    return Path(next(iter(spec.submodule_search_locations)))


def _inside(root: Path, inside: str, ref: str) -> Path:
    path = root / inside
    if ".." in Path(inside).parts or not path.resolve().is_relative_to(root.resolve()):
        raise NotFound(f"{ref!r} leads out of its pack")
    if not path.exists():
        raise NotFound(f"no {inside!r} in pack {root.name}", where=ref, hint=nearest(path.name, _siblings(path)))
    return path


def _siblings(path: Path) -> list[str]:
    return [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []


def _file_in(path: Path, ref: str) -> Path:
    if path.is_file():
        return path
    for name in NAMES:
        for ending in ENDINGS:
            if (file := path / (name + ending)).is_file():
                return file
    raise NotFound(f"no creature.yaml or creature.toml in {path}", where=ref)
