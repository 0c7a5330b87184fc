"""One way from a reference to a file: a registered name, @pack/path, a path, or what a plugin resolves."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound, nearest

if TYPE_CHECKING:
    from kt import Plugins

NAMES = ("creature", "terrarium", "config")
ENDINGS = (".yaml", ".yml", ".toml")


def is_reference(text: str) -> bool:
    """Tell whether a command-line word is a creature, not a prompt: @, . or / first, a file ending, or a folder."""
    if not text or "\n" in text or len(text) > 1024:
        return False
    return text.startswith(("@", ".", "/")) or text.endswith(ENDINGS) or (_there(Path(text)) and Path(text).is_dir())


def find(
    plugins: "Plugins", ref: str, *, kind: str = "creature", base: Path | None = None, within: Path | None = None
) -> Path:
    """Return the file a reference names; a path starts from `base` and may not lead out of `within`.

    Raises NotFound with the nearest names.
    """
    if ref.startswith("@"):
        root, inside = in_pack(plugins, ref)
        return _kept(file_in(inside, ref), root, ref)
    if (entry := plugins.registry.find(kind, ref)) is not None:
        package, _, named = str(entry.target).partition(":")
        root = _package(package) or Path(package)
        return _kept(file_in(_inside(root, named, ref), ref), root, ref)
    path = (base or Path.cwd()) / _at_home(ref)
    if within is not None:
        _kept(path, within, ref)
    if _there(path):
        return file_in(path, ref) if within is None else _kept(file_in(path, ref), within, ref)
    found = plugins.resolve(kind, ref)
    if isinstance(found, str | Path):
        return file_in(Path(found), ref)
    raise NotFound(f"no {kind} {ref!r}", hint=nearest(ref, [*plugins.registry.names(kind), *_siblings(path)]))


def in_pack(plugins: "Plugins", ref: str) -> tuple[Path, Path]:
    """Return the folder of the pack that "@pack/path" names, and what is inside at `path`. Raises NotFound."""
    pack, _, inside = ref[1:].partition("/")
    root = _pack(plugins, pack, ref)
    return root, _inside(root, inside, ref)


def creatures_of(plugins: "Plugins", dist: str) -> list[str]:
    """Return the references of the creatures that a pack carries, e.g. @kt-biome/creatures/general."""
    root = _package(dist.replace("-", "_"))
    folder = root / "creatures" if root else None
    if folder is None or not folder.is_dir():
        return []
    return [f"@{dist}/creatures/{p.name}" for p in sorted(folder.iterdir()) if p.suffix in ENDINGS or _file_of(p)]


def _pack(plugins: "Plugins", pack: str, ref: str) -> Path:
    if not pack:
        raise NotFound(f"{ref!r} names no pack", hint="write @pack/creatures/name")
    root = _package(pack.replace("-", "_"))
    if root is None:
        if (explain := plugins.registry.find("packs", "absent")) is not None:
            explain.load()(pack)
        close = nearest(pack, {point.dist for point, _ in plugins.modules.values()})
        hint = f"{close} or " if close.startswith("did") else ""
        raise NotFound(f"no pack {pack!r} is installed", where=ref, hint=f"{hint}kt install @{pack}")
    return root


def _package(name: str) -> Path | None:
    """Return the folder of an import package, without importing it."""
    spec = find_spec(name) if name.isidentifier() else None
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def _inside(root: Path, inside: str, ref: str) -> Path:
    path = root / inside
    if ".." in Path(inside).parts:
        raise NotFound(f"{ref!r} leads out of its pack")
    _kept(path, root, ref)
    if not _there(path):
        raise NotFound(f"pack {root.name!r} has no {inside!r}", where=ref, hint=nearest(path.name, _siblings(path)))
    return path


def _kept(path: Path, root: Path, ref: str) -> Path:
    """Return a path, or raise NotFound where it, or what it links to, is out of its pack."""
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links, or what can't be a name
        raise NotFound(f"{ref!r} is no path: {error}") from None
    if not inside:
        raise NotFound(f"{ref!r} leads out of its pack")
    return path


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name, or in a folder that is closed to us
        return False


def _at_home(ref: str) -> Path:
    try:
        return Path(ref).expanduser()
    except RuntimeError as error:
        raise NotFound(f"no creature {ref!r}: {error}") from None


def _siblings(path: Path) -> list[str]:
    folder = path.parent
    return [p.name for p in folder.iterdir() if p.name[0] not in "._"] if _there(folder) and folder.is_dir() else []


def file_in(path: Path, ref: str) -> Path:
    """Return a file itself, or the creature file of a folder. Raises NotFound."""
    if path.is_file():
        return path
    if (file := _file_of(path)) is None:
        raise NotFound(f"no creature.yaml or creature.toml in {path}", where=ref)
    return file


def _file_of(folder: Path) -> Path | None:
    """Return the file in a folder that says what the folder is."""
    files = (folder / (name + ending) for name in NAMES for ending in ENDINGS)
    return next((file for file in files if file.is_file()), None)
