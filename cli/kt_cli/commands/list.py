"""kt list: installed creatures, or with --all everything that is registered."""

import json
from typing import TYPE_CHECKING, Any

from kt.errors import UsageError, nearest

if TYPE_CHECKING:
    from kt import Entry, Plugins


USAGE = """Usage: kt list [--all] [--json]

  List installed creatures and terrariums; with --all every registered
  thing and the distribution it came with.

Options:
  --all   every registered thing, by kind
  --json  as JSON
  --help  Show this message and exit.
"""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code. Parsed by hand, because typer would import pydantic for it."""
    if "--help" in argv:
        print(USAGE, end="")
        return 0
    if unknown := [word for word in argv if word not in ("--all", "--json")]:
        hint = f"{nearest(unknown[0], ('--all', '--json'))} (kt list --help)"
        raise UsageError(f"no option or argument {unknown[0]!r}", hint=hint)
    rows = _everything(plugins) if "--all" in argv else _packed(plugins)
    if "--json" in argv:
        print(json.dumps(rows))
        return 0
    for kind in dict.fromkeys(row["kind"] for row in rows):
        print(f"{kind}:")
        own = [row for row in rows if row["kind"] == kind]
        width = max(len(row["name"]) for row in own)
        for row in own:
            print(f"  {row['name']:<{width}}  {row['help']}  ({row['distribution']} {row['version']})")
    return 0


def _packed(plugins: "Plugins") -> list[dict[str, Any]]:
    """Return the creatures that packs carry, and their recipes where something reads them."""
    rows = _carried(plugins, "creature", plugins.registry.entry("config", "creatures_of"))
    recipes_of = plugins.registry.find("loader", "terrariums")
    return rows if recipes_of is None else rows + _carried(plugins, "terrarium", recipes_of)


def _carried(plugins: "Plugins", kind: str, carried_by: "Entry") -> list[dict[str, Any]]:
    """Return what packs carry of a kind, by reference."""
    named = {(e.dist, e.name): e for e in plugins.registry.entries(kind)}
    dists = {point.dist: point.version for point, _ in plugins.modules.values()}
    rows = []
    for dist, version in sorted(dists.items()):
        for ref in carried_by.load()(plugins, dist):
            entry = named.get((dist, ref.rpartition("/")[2].partition(".")[0]))
            rows.append({"kind": kind, "name": ref, "help": entry.help if entry else "", "distribution": dist,
                         "version": version})  # fmt: skip
    return rows


def _everything(plugins: "Plugins") -> list[dict[str, Any]]:
    return [
        {"kind": e.kind, "name": e.name, "help": e.help, "distribution": e.dist, "version": e.version}
        for e in plugins.registry.entries()
    ]
