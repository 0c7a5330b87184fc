"""What a creature inherits: its base's tables and lists with its own over them, each value with its place."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kt import Creature
from kt.errors import DataError, NotFound, nearest

from .beside import anchored, pack_of
from .documents import Document, load_file
from .references import ENDINGS, NAMES, find
from .tree import Node, Source, filled, tree

if TYPE_CHECKING:
    from kt import Plugins

LISTS = ("tools", "subagents", "triggers", "input", "outputs", "guards")
TEXTS = ("tools", "guards")
"""Lists of texts alone; an item of the others may be a table too."""
TABLES = ("plugins", "limits", "variants", "variables", "needs")
STEPS = ("base", "no_inherit", "prompt_mode")
"""What a file says of its own place in the line; the creature has none of it."""
ADDED = (*STEPS, "variables", "needs")
"""Keys of files beside those of kt.Creature."""
KEYS = (*(f.name for f in fields(Creature) if f.name not in ("path", "places")), *ADDED)
INHERITED = tuple(key for key in KEYS if key not in (*STEPS, "name", "guards"))
"""Keys of which a creature may leave its base's part out."""
MODES = ("append", "replace")


def resolved(plugins: "Plugins", source: Source, overrides: Sequence[Source] = ()) -> Node:
    """Return all that a source and its bases say of a creature, then the overrides, as one tree.

    Its `prompt` is a list of the prompts to join, each a node whose last key is "prompt" or "prompt_file". Environment
    variables are filled in, and files mean what stands beside the file that names them. Raises DataError and NotFound
    with the place in the file that is wrong.
    """
    root = Node({}, source)
    for each in _bases(plugins, source):
        layer = layer_of(each)
        layer.value.pop("name", None)
        root = over(root, layer)
    for own in (source, *overrides):
        root = over(root, layer_of(own))
    if "name" not in root.value:
        name = source.path.parent.name if source.path.stem in NAMES else source.path.stem
        root.value["name"] = Node(name, source, ("name",))
    for key in set(TABLES) & root.value.keys() - {"plugins"}:  # of a plugin's settings None may be one
        kept = {name: node for name, node in root.value[key].value.items() if node.value is not None}
        root.value[key] = replace(root.value[key], value=kept)
    return anchored(filled(replace(root, source=source)), source)


def _bases(plugins: "Plugins", source: Source) -> list[Source]:
    """Return what a source inherits from, the oldest first."""
    line = [source]
    while (ref := line[0].data.get("base")) is not None:
        base = _base(plugins, line[0], ref)
        if base.path.resolve() in [each.path.resolve() for each in line]:
            circle = " -> ".join(str(each.path) for each in (*reversed(line), base))
            raise DataError(f"creatures are the base of each other: {circle}", where=line[0].where(["base"]))
        line.insert(0, base)
    return line[:-1]


def _base(plugins: "Plugins", child: Source, ref: object) -> Document:
    where = child.where(["base"])
    if not isinstance(ref, str) or not ref:
        raise DataError("base must be a reference", where=where, hint="base: @pack/creatures/name, or a path")
    named = filled(Node(ref, child, ("base",))).value
    try:
        path = find(plugins, named, base=child.path.parent, within=pack_of(child.path))
    except NotFound as error:
        raise NotFound(error.what, where=where, hint=error.hint) from None
    document = load_file(path.parent.resolve() / path.name, plugins.registry)
    for key in document.data:
        if plugins.registry.find("document", key) is not None:
            raise DataError(f"{named!r} is no creature but a {key}", where=where, hint="name one of its creatures")
    return document


def layer_of(source: Source) -> Node:
    """Return what one source says, checked, with `plugins` as a table and its prompt as a list of one.

    Raises DataError with the place, and the nearest key for an unknown one.
    """
    root = tree(source)
    table = root.value
    for key, node in table.items():
        if key not in KEYS:
            raise DataError(f"unknown key {key!r}", where=node.where(), hint=nearest(key, KEYS))
        _check(key, node)
    if (listed := table.get("plugins")) is not None and isinstance(listed.value, list):
        table["plugins"] = _named(listed)
    said = [table.pop(key) for key in ("prompt", "prompt_file") if key in table]
    texts = [node for node in said if node.value is not None]
    if len(texts) > 1:
        raise DataError("prompt and prompt_file exclude each other", where=texts[1].where())
    if said:
        table["prompt"] = replace(said[0], value=texts or None)
    return root


def _check(key: str, node: Node) -> None:
    """Raise DataError for a value of a shape that its key can't have; what is in tables is checked once all is merged.

    An item of a list is checked here, as its index in what is merged is none of its file's.
    """
    value = node.value
    if key == "guards" and (value is None or any(_taken(item) for item in node.items())):
        raise DataError("a creature can't drop a guard", where=node.where(), hint="a profile or -p no:NAME can")
    if value is None:
        return
    if key in LISTS and key != "input" and not isinstance(value, list):
        raise DataError(f"{key} must be a list", where=node.where())
    for item in node.items() if key in LISTS else ():
        if not isinstance(item.value, str if key in TEXTS else (str, dict)):
            shape = "a text" if key in TEXTS else "a text or a table"
            raise DataError(f"{key}: each must be {shape}", where=item.where())
    if key in TABLES and not isinstance(value, dict) and not (key == "plugins" and isinstance(value, list)):
        raise DataError(f"{key} must be a table", where=node.where())
    if key in ("prompt", "prompt_file") and not isinstance(value, str):
        raise DataError(f"{key} must be text", where=node.where())
    if key == "prompt_mode" and value not in MODES:
        raise DataError(f"prompt_mode is none of {', '.join(MODES)}", where=node.where())
    if key == "no_inherit":
        _check_no_inherit(node)


def _check_no_inherit(node: Node) -> None:
    if not isinstance(node.value, list):
        raise DataError("no_inherit must be a list of keys", where=node.where())
    for item in node.value:
        if item.value == "guards":
            raise DataError("a creature can't drop a guard", where=item.where(), hint="leave guards out of no_inherit")
        if item.value not in INHERITED:
            raise DataError(
                f"no_inherit: no key {item.value!r}", where=item.where(), hint=nearest(str(item.value), INHERITED)
            )


def _named(node: Node) -> Node:
    """Return a list of plugins, names and tables, as the table name -> settings."""
    table: dict[str, Node] = {}
    for item in node.items():
        if isinstance(item.value, dict):
            table.update({n: replace(s, value={}) if s.value is None else s for n, s in item.value.items()})
        elif isinstance(item.value, str):
            table[item.value] = replace(item, value={})
        else:
            raise DataError("a plugin is a name, or a table of its name and settings", where=item.where())
    return replace(node, value=table)


def over(base: Node, child: Node) -> Node:
    """Return what a child makes of its base, both as `layer_of` has them. Raises DataError for "no:" of nothing."""
    said: dict[str, Node] = child.value
    empty = {"prompt" if key.value == "prompt_file" else key.value for key in _items_of(said, "no_inherit")}
    if (mode := said.get("prompt_mode")) is not None and mode.value == "replace":
        empty.add("prompt")
    out: dict[str, Node] = {key: node for key, node in base.value.items() if key not in empty}
    for key, node in said.items():
        had = out.get(key)
        if key in STEPS:
            continue
        if node.value is None:
            out.pop(key, None)
        elif key == "prompt" and had is not None:
            out[key] = replace(node, value=[*had.items(), *node.items()])
        elif key == "plugins":
            out[key] = _plugins(had, node)
        else:
            out[key] = _lists(key, had, node) if key in LISTS else _tables(had, node)
    return replace(child, value=out)


def _items_of(table: dict[str, Node], key: str) -> Sequence[Node]:
    return table[key].items() if key in table else ()


def _tables(base: Node | None, child: Node) -> Node:
    """Return a table over a table, deeply; a null takes away what the base has. Any other value replaces the base's."""
    if base is None or not isinstance(base.value, dict) or not isinstance(child.value, dict):
        return child
    out: dict[str, Node] = dict(base.value)
    for key, node in child.value.items():
        if node.value is None and key in out:
            del out[key]
        else:
            out[key] = _tables(out.get(key), node)
    return replace(child, value=out)


def _plugins(base: Node | None, child: Node) -> Node:
    """Return plugins over plugins, as `_tables` does; "no:NAME" takes away as a null does."""
    before = base.table() if base is not None else {}
    own: dict[str, Node] = {}
    for name, node in child.value.items():
        taken = name.removeprefix("no:")
        if taken != name and taken not in before:
            hint = nearest(taken, before) or "a profile or -p no:NAME can disable a plugin"
            why = f"a creature can't disable a plugin that its base does not have: {taken!r}"
            raise DataError(why, where=node.where(), hint=hint)
        own[taken] = node if taken == name else replace(node, value=None)
    return _tables(base, replace(child, value=own))


def _lists(key: str, base: Node | None, child: Node) -> Node:
    """Return a list over a list: items of a name replace the base's where those stand, others follow."""
    before, own = _as_list(base), _as_list(child)
    names = [name for item in before if (name := name_of(item))]
    for item in own:
        if (taken := _taken(item)) and taken not in names:
            raise DataError(f"{key}: the base has no {taken!r}", where=item.where(), hint=nearest(taken, names))
    gone = {taken for item in own if (taken := _taken(item))}
    fresh = [item for item in own if not _taken(item)]
    if base is None and len(fresh) == len(own):
        return child
    if key == "guards":  # by their whole names: one that is only called alike must not take a guard's place
        return replace(child, value=[*before, *(item for item in fresh if item.value not in [g.value for g in before])])
    out: list[Node] = []
    placed: set[str] = set()
    for item in before:
        name = name_of(item)
        same = [each for each in fresh if name and name_of(each) == name]
        if same and name not in placed:
            out += same
            placed.add(name)
        elif not same and name not in gone:
            out.append(item)
    return replace(child, value=[*out, *(item for item in fresh if name_of(item) not in placed)])


def _as_list(node: Node | None) -> Sequence[Node]:
    """Return the items of a list, or the one thing that stands there instead, as `input` may have it."""
    if node is None or node.value is None:
        return ()
    return node.items() if isinstance(node.value, list) else (node,)


def _taken(item: Node) -> str:
    """Return the name in "no:NAME", else nothing."""
    value: Any = item.value
    return value[3:] if isinstance(value, str) and value.startswith("no:") else ""


def name_of(item: Node) -> str:
    """Return what an item of a list is called: its own text, the attribute of module:attribute, the last part of a
    reference without its ending, the `name` of a table or else its `base`."""
    value = item.value
    if isinstance(value, dict):
        inner = value.get("name") or value.get("base")
        return name_of(inner) if inner is not None else ""
    if not isinstance(value, str):
        return ""
    if ":" in value:
        return value.rpartition(":")[2]
    path = PurePosixPath(value)
    if path.suffix in ENDINGS:
        return path.parent.name if path.stem in NAMES else path.stem
    return path.name if "/" in value else value
