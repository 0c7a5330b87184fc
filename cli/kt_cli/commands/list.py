"""kt list: installed creatures, or with --all everything that is registered."""

import json
from typing import TYPE_CHECKING, Any

from kt.errors import UsageError, nearest

if TYPE_CHECKING:
    from kt import Plugins


USAGE = """Usage: kt list [--all] [--json]

  List installed creatures; with --all every registered thing and the
  distribution it came with.

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
    rows = _everything(plugins) if "--all" in argv else _creatures(plugins)
    if "--json" in argv:
        print(json.dumps(rows))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    kind = ""
    for row in rows:
        if row["kind"] != kind:
            kind = row["kind"]
            print(f"{kind}:")
        print(f"  {row['name']:<{width}}  {row['help']}  ({row['distribution']} {row['version']})")
    return 0


def _creatures(plugins: "Plugins") -> list[dict[str, Any]]:
    """Return the creatures that packs carry, by reference."""
    creatures_of = plugins.registry.get("config", "creatures_of")
    named = {(e.dist, e.name): e for e in plugins.registry.entries("creature")}
    dists = {point.dist: point.version for point, _ in plugins.modules.values()}
    rows = []
    for dist, version in sorted(dists.items()):
        for ref in creatures_of(plugins, dist):
            entry = named.get((dist, ref.rpartition("/")[2].partition(".")[0]))
            rows.append({"kind": "creature", "name": ref, "help": entry.help if entry else "", "distribution": dist,
                         "version": version})  # fmt: skip
    return rows


def _everything(plugins: "Plugins") -> list[dict[str, Any]]:
    return [
        {"kind": e.kind, "name": e.name, "help": e.help, "distribution": e.dist, "version": e.version}
        for e in plugins.registry.entries()
    ]
