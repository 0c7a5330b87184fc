"""kt list: installed creatures, or with --all everything that is registered."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def list_(
        everything: Annotated[bool, typer.Option("--all", help="every registered thing, by kind")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
    ) -> int:
        """List installed creatures; with --all every registered thing and the distribution it came with."""
        rows = _everything(plugins) if everything else _creatures(plugins)
        if as_json:
            print(json.dumps(rows))
            return 0
        width = max((len(r["name"]) for r in rows), default=0)
        kind = ""
        for row in rows:
            if row["kind"] != kind:
                kind = row["kind"]
                print(f"{kind}:")
            print(f"  {row['name']:<{width}}  {row['help']}  ({row['distribution']} {row['version']})")
        return 0

    code: int = parse(list_, argv, name="list")
    return code


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
