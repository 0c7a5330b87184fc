"""What a recipe says of its team, for people and programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from kt import Creature, encode

from .edges import REPORT
from .recipe import Recipe, Seat


def about(recipe: Recipe) -> dict[str, Any]:
    """Return a team as JSON data: its root, creatures, channels, wires and limits."""
    seats = recipe.seats
    return {
        "name": recipe.name,
        "description": recipe.description,
        "file": None if recipe.path is None else str(recipe.path),
        "root": recipe.root,
        "promoted": recipe.promoted,
        "creatures": [_creature(recipe, seat, creature) for seat, creature in seats.values()],
        "channels": _channels(recipe),
        "wires": [
            {"from": name, **asdict(wire)} for name, (seat, _) in seats.items() for wire in seat.wires
        ],
        "limits": {name: value for name, value in asdict(recipe.limits).items() if value is not None},
        "environment": encode(recipe.environment),
    }  # fmt: skip


def _creature(recipe: Recipe, seat: Seat, creature: Creature) -> dict[str, Any]:
    return {
        "name": seat.name,
        "description": " ".join(creature.description.split()),
        "base": seat.base,
        "llm": _model(creature.llm),
        "tools": list(creature.tools),
        "privileged": seat.privileged or (recipe.promoted and seat.name == recipe.root),
        "restart": seat.restart,
        "pwd": seat.pwd,
        "node": seat.node,
    }


def _model(llm: str | dict[str, Any] | None) -> str | None:
    if not isinstance(llm, dict):
        return llm
    return "/".join(str(llm[key]) for key in ("provider", "model") if llm.get(key)) or str(llm.get("base_url", ""))


def _channels(recipe: Recipe) -> list[dict[str, Any]]:
    """Return the recipe's channels, and those that a root gets which is promoted."""
    seats = {name: seat.channels for name, (seat, _) in recipe.seats.items()}
    found = [
        {
            "name": name, "type": pipe.type, "description": pipe.description, "capacity": pipe.capacity,
            "senders": [n for n, ears in seats.items() if name in ears.can_send],
            "listeners": [n for n, ears in seats.items() if name in ears.listen],
        }
        for name, pipe in recipe.channels.items()
    ]  # fmt: skip
    others = [name for name in seats if name != recipe.root]
    if recipe.promoted and others:
        plain = {"type": "broadcast", "description": "", "capacity": 1000}
        found.append({"name": REPORT, **plain, "senders": others, "listeners": [recipe.root]})
        found += [{"name": name, **plain, "senders": [recipe.root], "listeners": [name]} for name in others]
    return found


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads of a team."""
    yield f"terrarium {told['name']} ({told['file']})"
    if told["description"]:
        yield f"  {' '.join(told['description'].split())}"
    yield f"  root     {told['root']}"
    limits = (f"{name} {value:g}" for name, value in told["limits"].items())
    yield f"  limits   {', '.join(limits) or 'none'}"
    for creature in told["creatures"]:
        yield f"creature {creature['name']}" + (f": {creature['description']}" if creature["description"] else "")
        yield f"  base     {creature['base'] or 'none: all of it stands in the recipe'}"
        yield f"  llm      {creature['llm'] or 'the default model'}"
        yield (
            f"  tools    {len(creature['tools'])}" + (": " if creature["tools"] else "") + ", ".join(creature["tools"])
        )
        marks = ["privileged"] if creature["privileged"] else []
        marks += [f"{key} {_plain(creature[key])}" for key in ("restart", "pwd", "node") if creature[key]]
        yield f"  place    {', '.join(marks)}"
    for pipe in told["channels"]:
        ways = f"{', '.join(pipe['senders']) or 'nobody'} -> {', '.join(pipe['listeners']) or 'nobody'}"
        yield f"channel  {pipe['name']} ({pipe['type']}): {ways}" + (f": {d}" if (d := pipe["description"]) else "")
    for wire in told["wires"]:
        yield f"wire     {wire['from']} => {wire['to']}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {inner}" for key, inner in value.items()) + ")"
    return str(value)
