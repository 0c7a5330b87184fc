"""Creatures from files, and the tools that stand beside them."""

import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from kt import Creature
from kt.errors import ConfigError, DataError, KTError, NotFound, UsageError

from .documents import load_file
from .inheritance import ADDED, resolved
from .needs import needs_in
from .places import places_of
from .prompts import Filling, variables_of
from .references import find
from .tree import Node, Source

if TYPE_CHECKING:
    from kt import Plugins


def load(
    plugins: "Plugins", ref: str | Path, *, base: Path | None = None, overrides: Sequence[Source] = ()
) -> Creature:
    """Return the creature of a reference or path, the overrides over it. Raises NotFound, DataError with file:line:col.

    A file with a key of the kind `document`, as "terrarium" is one, is read by what that kind names.
    """
    document = load_file(find(plugins, str(ref), base=base), plugins.registry)
    for key in document.data:
        if (entry := plugins.registry.find("document", key)) is not None:
            if overrides:
                what = f"{str(ref)!r} is a {key}, and only a creature's keys can be given other values"
                raise UsageError(what, where=overrides[-1].where([]))
            made: Creature = entry.load()(plugins, document)
            return made
    return creature_of(plugins, document, overrides)


def creature_of(plugins: "Plugins", source: Source, overrides: Sequence[Source] = ()) -> Creature:
    """Return the creature that a source and its bases describe, the overrides over it.

    Environment variables and prompts are filled in; folder or file name it where it has no name. Raises DataError and
    NotFound with the place of what is wrong, in the file where that stands.
    """
    root = resolved(plugins, source, overrides)
    needs_in(root)
    filling = Filling(plugins, variables_of(root))
    variants = root.below("variants")
    for variant in variants.table().values() if variants is not None else ():
        if (prompt := variant.below("prompt")) is not None and isinstance(prompt.value, str):
            variant.value["prompt"] = replace(prompt, value=filling.prompt(prompt))
    pieces = root.value.pop("prompt", Node([], source)).items()
    data = {key: value for key, value in root.plain().items() if key not in ADDED}
    data["prompt"] = "\n\n".join(text for piece in pieces if (text := filling.prompt(piece)))
    data["plugins"] = {name: None if table == {} else table for name, table in data.get("plugins", {}).items()}
    made = replace(Creature.from_dict(data, where=root.place, path=source.path), places=places_of(root))
    for bound in fields(made.limits):
        value = getattr(made.limits, bound.name)
        if value is not None and not value > 0:
            where = root.place(["limits", bound.name])
            raise DataError(f"limits.{bound.name} must be above 0, not {value}", where=where, hint="null is no bound")
    return made


def load_tool(target: str, creature: Path | None) -> object:
    """Return the tool of "module:attribute", or of "./file.py:attribute" beside the creature's file.

    Raises NotFound, and ConfigError with the cause where it does not load.
    """
    module, _, attribute = target.rpartition(":")
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
