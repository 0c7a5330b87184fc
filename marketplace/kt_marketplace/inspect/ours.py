"""What comes with kt: the names it registers, and what its tools, sub-agents and creatures reach."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ..needs import Needs
from .documents import ENDINGS

INDEX = Path(__file__).parents[1] / "data" / "index.json"
WORKING = Needs(reads=("$WS",))
CHANGING = Needs(writes=("$WS",))
ANYWHERE = Needs(net=("*",))
RUNNING = Needs(exec=("any",))
ALL = WORKING | CHANGING | ANYWHERE | RUNNING
TOOLS = {
    **dict.fromkeys(("read", "glob", "grep", "tree", "json_query", "notebook_read"), WORKING),
    **dict.fromkeys(("write", "edit", "apply_patch", "json_edit", "notebook_edit"), CHANGING),
    **dict.fromkeys(("fetch", "web_search"), ANYWHERE),
    **dict.fromkeys(("bash", "write_stdin"), RUNNING),
}
"""What the tools reach when a creature has them."""
SUBAGENTS = {
    **dict.fromkeys(("explore", "plan", "review", "memory"), WORKING),
    "research": WORKING | ANYWHERE,
    "summarise": Needs(),
    "worker": WORKING | CHANGING | RUNNING,
}
"""What the roles of sub-agents reach."""
BIOME = "kt_biome"
MAIN = tuple(f"{name}{ending}" for name in ("creature", "terrarium", "config") for ending in ENDINGS)
"""Names of the file that says what its folder is."""
CREATURES = {
    **dict.fromkeys(("creatures/general", "creatures/ops", "creatures/swe"), ALL),
    **dict.fromkeys(("creatures/root", "creatures/root/team.yaml"), ALL),
    "creatures/researcher": WORKING | ANYWHERE,
    "creatures/reviewer": WORKING | RUNNING,
    **dict.fromkeys(("terrariums/swe_team", "terrariums/pair_programming"), ALL),
    "terrariums/deep_research": WORKING | CHANGING | ANYWHERE,
}
"""What the creatures and teams of kt-biome reach, with their sub-agents and variants, by their place in the pack.

A root adds any of the creatures to its team."""


def reach_of(reference: str) -> Needs | None:
    """Return what an official creature, team or role reaches, named or as "@kt-biome/..."; None for any other."""
    if not reference.startswith("@"):
        known = SUBAGENTS | {place.rpartition("/")[2]: needs for place, needs in CREATURES.items()}
        return known.get(reference)
    pack, _, inside = reference[1:].partition("/")
    parts = [part for part in inside.split("/") if part not in ("", ".")]
    place = "/".join(parts[:-1] if parts and parts[-1] in MAIN else parts)
    return CREATURES.get(place) if pack.replace("-", "_") == BIOME else None


@cache
def names() -> Mapping[str, frozenset[str]]:
    """Return what the official packs register: kind -> names."""
    packs = json.loads(INDEX.read_text(encoding="utf-8"))["signed"]["packs"].values()
    found: dict[str, set[str]] = {}
    for release in (release for pack in packs for release in pack["versions"].values()):
        for thing in release["provides"]:
            found.setdefault(thing["kind"], set()).add(thing["name"])
    return {kind: frozenset(those) for kind, those in found.items()}
