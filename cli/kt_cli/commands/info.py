"""kt info REF: what a creature, a registered name or a pack is."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt import Creature
from kt.errors import KTError, NotFound, nearest

from ..carried import carried_by, texts_of
from ..consent import consented
from ..explain import needs_of
from ..parsing import parse

if TYPE_CHECKING:
    from kt import Entry, Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def info(
        ref: Annotated[str, typer.Argument(help="@pack/creatures/name, a path, a registered name, or a pack")],
    ) -> int:
        """Show what a reference is and where it comes from."""
        entries = [e for e in plugins.registry.entries() if e.name == ref and e.kind != "creature"]
        versions = {point.dist: point.version for point, _ in plugins.modules.values()}
        if entries:
            for entry in entries:
                _entry(plugins, entry)
        elif (dist := ref.removeprefix("@")) in versions:
            _pack(plugins, dist, versions[dist])
        elif _is_team(plugins, ref):
            return int(plugins.registry.get("command", "terrarium")(["info", "--", ref], plugins))
        else:
            _creature(plugins, ref)
        return 0

    code: int = parse(info, argv, name="info")
    return code


def _entry(plugins: "Plugins", entry: "Entry") -> None:
    print(f"{entry.kind} {entry.name}")
    print(f"  {entry.help}")
    print(f"  from {entry.dist} {entry.version}, {entry.target}")
    if entry.kind == "tool":
        try:
            consented(plugins, Creature(tools=(entry.name,)), [], [])
        except KTError as error:
            print(f"  not loaded: {error} ({error.hint})")
            return
        tool = entry.load()
        print(f"  effect {tool.effect}; needs {needs_of(tool) or 'nothing'}")
        print(f"  {tool.description}")
        print(f"  {json.dumps(tool.parameters)}")


def _pack(plugins: "Plugins", dist: str, version: str) -> None:
    print(f"pack {dist} {version}")
    about = plugins.registry.find("packs", "about")
    for line in () if about is None else about.load()(plugins, dist):
        print(f"  {line}")
    for carried in (*carried_by(plugins, dist), *texts_of(plugins, dist)):
        print(f"  {carried.kind} {carried.reference}" + (f": {carried.description}" if carried.description else ""))
    for entry in plugins.registry.entries():
        if entry.dist == dist and entry.kind not in ("creature", "terrarium"):
            print(f"  {entry.kind} {entry.name}: {entry.help}")


def _is_team(plugins: "Plugins", ref: str) -> bool:
    members_of = plugins.registry.find("loader", "team")
    try:
        return members_of is not None and bool(members_of.load()(plugins, ref))
    except NotFound:
        return False  # a name that nothing has; what there is near it is said below


def _creature(plugins: "Plugins", ref: str) -> None:
    try:
        creature: Any = plugins.registry.get("loader", "creature")(plugins, ref)
    except NotFound as error:
        known = {e.name for e in plugins.registry.entries()}
        if not ref.startswith(("@", ".", "/")) and (hint := nearest(ref, known)):
            raise NotFound(error.what, where=error.where, hint=hint) from None
        raise
    print(f"creature {creature.name} ({creature.path})")
    print(f"  {creature.description}")
    print(f"  llm      {creature.llm or 'the default model'}")
    print(f"  tools    {', '.join(creature.tools) or 'none'}")
    print(f"  plugins  {', '.join(creature.plugins) or 'none of its own'}")
    print(f"  variants {', '.join(creature.variants) or 'none'}")
    print(f"  prompt   {len(creature.prompt)} characters")
    for tool in creature.tools:
        if ":" not in tool:
            try:
                plugins.registry.entry("tool", tool)
            except KTError as error:
                print(f"  problem  {error} ({error.hint})")
