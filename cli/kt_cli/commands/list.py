"""kt list: installed creatures, recipes and packs, or with --all everything that is registered."""

import json
from typing import TYPE_CHECKING, Any

from kt.errors import UsageError, nearest

from ..carried import carried_by, packs

if TYPE_CHECKING:
    from kt import Plugins


USAGE = """Usage: kt list [--all] [--json]

  List installed creatures, terrariums and packs; with --all every
  registered thing and the distribution it came with.

Options:
  --all   every registered thing, by kind
  --json  as JSON
  --help  Show this message and exit.
"""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code. Parsed by hand, because typer would import pydantic for it."""
    if "--help" in argv or "-h" in argv:
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
            print(f"  {row['name']:<{width}}  {row['help']}  ({_origin(row)})")
    return 0


def _packed(plugins: "Plugins") -> list[dict[str, Any]]:
    """Return the creatures and recipes that packs carry, and the packs that are not kt's own."""
    dists = {point.dist: point.version for point, _ in plugins.modules.values()}
    rows = [
        {"kind": c.kind, "name": c.reference, "help": c.description, "distribution": dist, "version": version}
        for dist, version in sorted(dists.items())
        for c in carried_by(plugins, dist)
    ]
    return [*sorted(rows, key=lambda row: row["kind"]), *packs(plugins)]


def _origin(row: dict[str, Any]) -> str:
    """Return where a row's thing is from."""
    if row["kind"] != "pack":
        return f"{row['distribution']} {row['version']}"
    return f"{row['version']} from {row['source']}" + (f", runs from {row['runs_from']}" if row["runs_from"] else "")


def _everything(plugins: "Plugins") -> list[dict[str, Any]]:
    return [
        {"kind": e.kind, "name": e.name, "help": e.help, "distribution": e.dist, "version": e.version}
        for e in plugins.registry.entries()
    ]
