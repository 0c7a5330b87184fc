"""Files that a creature's file names, beside its own; what a pack's file names stays in the pack."""

import sys
from dataclasses import replace
from pathlib import Path

from kt.errors import DataError, NotFound

from .references import ENDINGS
from .tree import Node, Source

MANIFEST = "kt-pack.toml"


def pack_of(path: Path) -> Path | None:
    """Return the package folder of the pack that a file is part of, None for one in a plain folder.

    A pack is a folder with kt-pack.toml, or a package that Python finds anywhere but in the working folder.
    """
    installed = {Path(entry).resolve() for entry in sys.path if entry} - {Path.cwd()}
    for folder in path.resolve().parents:
        if (folder / MANIFEST).is_file() or (folder.parent in installed and (folder / "__init__.py").is_file()):
            return folder
    return None


def beside(path: Path, name: str, where: str) -> Path:
    """Return the absolute path of what a file at `path` calls `name`.

    Raises NotFound where that is out of the pack which the file is part of, DataError for what can be no path.
    """
    try:
        file = path.parent.absolute() / Path(name).expanduser()
        pack, real = pack_of(path), file.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{name[:200]!r} is no path: {error}", where=where) from None
    if pack is not None and not real.is_relative_to(pack):
        raise NotFound(f"{name!r} leads out of its pack", where=where, hint="a pack's files stay in its package")
    return file


def anchored(node: Node, main: Source) -> Node:
    """Return a creature's tree in which files of tools and sub-agents mean what stands beside the file that named them.

    What `main`, the creature's own file, names stays as it is written; names in its bases become paths from there, or
    absolute ones. Raises what `beside` raises.
    """
    table = dict(node.table())
    if tools := table.get("tools"):
        table["tools"] = _each(tools, [_tool(item, main) for item in tools.items()])
    if subagents := table.get("subagents"):
        table["subagents"] = _each(subagents, [_subagent(item, main) for item in subagents.items()])
    if variants := table.get("variants"):
        changed = {name: anchored(variant, main) for name, variant in variants.table().items()}
        table["variants"] = replace(variants, value=changed) if changed else variants
    return replace(node, value=table) if isinstance(node.value, dict) else node


def _each(node: Node, items: list[Node]) -> Node:
    return replace(node, value=items) if isinstance(node.value, list) else node


def _from(main: Source, file: Path) -> str:
    folder = main.path.parent.absolute()
    return f"./{file.relative_to(folder)}" if file.is_relative_to(folder) else str(file)


def _tool(node: Node, main: Source) -> Node:
    module, colon, attribute = node.value.rpartition(":") if isinstance(node.value, str) else ("", "", "")
    if not colon or not module.endswith(".py"):
        return node
    file = beside(node.source.path, module, node.where())
    return node if node.source is main else replace(node, value=f"{_from(main, file)}:{attribute}")


def _subagent(node: Node, main: Source) -> Node:
    if isinstance(node.value, dict):
        base = node.value.get("base")
        changed = anchored(node, main)
        return replace(changed, value={**changed.value, "base": _subagent(base, main)}) if base else changed
    name = node.value
    if not isinstance(name, str) or not (name.startswith((".", "/", "~")) or name.endswith(ENDINGS)) or name[0] == "@":
        return node
    file = beside(node.source.path, name, node.where())
    return node if node.source is main and name.startswith(".") else replace(node, value=_from(main, file))
