"""Creatures from files, and the tools that stand beside them."""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from kt import Creature
from kt.errors import ConfigError, DataError, KTError, NotFound

from .documents import Document, interpolate, load_file
from .references import NAMES, find

if TYPE_CHECKING:
    from kt import Plugins


def load(plugins: "Plugins", ref: str | Path, *, base: Path | None = None) -> Creature:
    """Return the creature of a reference or path. Raises NotFound, and DataError with file:line:col.

    A file with a key of the kind `document`, as "terrarium" is one, is read by what that kind names.
    """
    document = load_file(find(plugins, str(ref), base=base), plugins.registry)
    for key in document.data:
        if (entry := plugins.registry.find("document", key)) is not None:
            made: Creature = entry.load()(plugins, document)
            return made
    return creature_of(document)


def creature_of(document: Document) -> Creature:
    """Return a document's creature, with ${VAR:default} filled in; folder or file name it where it has no name."""

    def unset(keys: Sequence[str | int], name: str) -> KTError:
        return DataError(f"{name} is not set", where=document.where(keys), hint=f"set {name}, or write a default")

    path = document.path
    data = {"name": path.parent.name if path.stem in NAMES else path.stem, **document.data}
    creature = Creature.from_dict(interpolate(data, os.environ, unset), where=document.where, path=path)
    if creature.prompt_file:
        if creature.prompt:
            raise DataError("prompt and prompt_file exclude each other", where=document.where(["prompt_file"]))
        try:
            creature.prompt = (path.parent / creature.prompt_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"can't read the prompt file: {error}", where=document.where(["prompt_file"])) from error
    return creature


def load_tool(target: str, creature: Path | None) -> object:
    """Return the tool of "module:attribute", or of "./file.py:attribute" beside the creature's file.

    Raises NotFound, and ConfigError with the cause where it does not load.
    """
    module, _, attribute = target.partition(":")
    where = str(creature or "")
    try:
        if not module.endswith(".py"):
            return getattr(import_module(module), attribute)
        file = (creature.parent if creature else Path.cwd()) / module
        if not file.is_file():
            raise NotFound(f"no file {str(file)!r} for the tool {target!r}", where=where)
        return getattr(_module(file.resolve(), file.stat().st_mtime_ns), attribute)
    except KTError:
        raise
    except Exception as error:
        raise ConfigError(f"tool {target!r} does not load: {type(error).__name__}: {error}", where=where) from error


@cache
def _module(file: Path, changed: int) -> ModuleType:
    """Return the module of a file, once for each time it `changed`: two tools of one file share its state."""
    name = f"kt_tool_{file.stem}_{abs(hash((file, changed))):x}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    # Dataclasses and pydantic look a class's module up there.
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
