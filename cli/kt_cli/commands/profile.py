"""kt profile: which profiles there are, and what one of them enables, in order and by whom."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import UsageError, nearest

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins

COMMANDS = ("list", "show")
USAGE = """Usage: kt profile COMMAND [ARGUMENTS]

Commands:
  list  list the profiles
  show  show what a profile enables, in order, and where each thing is said
"""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""
    name, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    if name in ("--help", "-h"):
        print(USAGE, end="")
        return 0
    if name not in COMMANDS:
        raise UsageError(f"no command kt profile {name}", hint=nearest(name, COMMANDS))
    code: int = _list(rest, plugins) if name == "list" else _show(rest, plugins)
    return code


def _list(argv: list[str], plugins: "Plugins") -> int:
    def command(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> int:
        """List the profiles: what is built in, your own, and those of a trusted project."""
        registry, here = plugins.registry, Path.cwd()
        rows = [_row(plugins, name) for name in registry.get("config", "profiles")(registry, here)]
        if as_json:
            print(json.dumps(rows))
            return 0
        width = max([len(row["name"]) for row in rows] or [0])
        for row in rows:
            counts = f"{len(row['plugins'])} plugins, {len(row['guards'])} guards"
            print(f"{row['name']:<{width}}  {counts}  ({'; '.join(row['said'])})")
        return 0

    code: int = parse(command, argv, name="profile list")
    return code


def _row(plugins: "Plugins", name: str) -> dict[str, Any]:
    """Return a profile with the places of its tables."""
    registry, here = plugins.registry, Path.cwd()
    profile, settings = (
        registry.get("loader", "profile")(registry, name, here),
        registry.get("config", "settings")(here),
    )
    entry = registry.find("profile", name)
    said = [] if entry is None else [f"built-in ({entry.dist})"]
    for document in (settings.user, settings.project):
        if document is not None and name in document.data.get("profile", {}):
            said.append(document.where(["profile", name]))
    return {"name": name, "said": said, "plugins": list(profile.plugins), "guards": list(profile.guards)}


def _show(argv: list[str], plugins: "Plugins") -> int:
    def command(
        name: Annotated[str, typer.Argument(help="the profile")],
        creature: Annotated[str | None, typer.Option(help="with what it says of a creature of this name")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
    ) -> int:
        """Show the plugins and guards of a profile in order, their settings, and where each of them is said."""
        registry = plugins.registry
        profile = registry.get("loader", "profile")(registry, name, Path.cwd(), creature or "")
        rows = {
            "plugins": [
                {"name": p, "settings": settings or {}, "said": profile.origins.get(p, [])}
                for p, settings in profile.plugins.items()
                if p not in profile.guards
            ],
            "guards": [
                {"name": g, "settings": profile.plugins.get(g) or {},
                 "said": [profile.guard_origins[g], *profile.origins.get(g, [])]}
                for g in profile.guards
            ],
        }  # fmt: skip
        if as_json:
            print(json.dumps({"name": name, "creature": creature, **rows}))
            return 0
        of = f" for a creature named {creature}" if creature else ""
        print(f"profile {name}{of}, as enabled; a guard is innermost and fails closed")
        for kind, table in rows.items():
            print("\n".join([kind, *map(_line, table)]))
        return 0

    code: int = parse(command, argv, name="profile show")
    return code


def _line(row: dict[str, Any]) -> str:
    settings = f" {json.dumps(row['settings'], ensure_ascii=False)}" if row["settings"] else ""
    return f"  {row['name']}{settings}  ({'; '.join(row['said'])})"
