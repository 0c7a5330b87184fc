"""The one table of tools and arguments: what hook programs call them, and what they are called here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Argument:
    """Another name for an argument; `told` makes the value that programs read, `back` the one that tools take."""

    name: str
    told: Callable[[Json, Path], Json] = lambda value, pwd: value
    back: Callable[[Json], Json] = lambda value: value


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A tool's other names, the first of which programs are told, and the other names of its arguments."""

    names: tuple[str, ...] = ()
    arguments: Mapping[str, Argument] = field(default_factory=dict)


def _absolute(value: Json, pwd: Path) -> Json:
    return str(pwd / Path(value).expanduser()) if isinstance(value, str) and "\0" not in value else value


def _renamed(names: Mapping[str, str], values: Mapping[str, str], items: Json) -> Json:
    """Return a list of objects with other keys, and other words as values of `status`."""
    if not isinstance(items, list):
        return items
    return [_item(names, values, item) if isinstance(item, dict) else item for item in items]


def _item(names: Mapping[str, str], values: Mapping[str, str], item: dict[str, Json]) -> dict[str, Json]:
    renamed = {names.get(key, key): value for key, value in item.items()}
    if isinstance(renamed.get("status"), str):
        renamed["status"] = values.get(renamed["status"], renamed["status"])
    return renamed


def _list_of(name: str, names: Mapping[str, str], values: Mapping[str, str]) -> Argument:
    names_back, values_back = {v: k for k, v in names.items()}, {v: k for k, v in values.items()}
    return Argument(
        name,
        lambda items, pwd: _renamed(names, values, items),
        lambda items: _renamed(names_back, values_back, items),
    )


def _scaled(name: str, factor: float) -> Argument:
    def times(value: Json, by: float) -> Json:
        return value * by if isinstance(value, int | float) and not isinstance(value, bool) else value

    return Argument(name, lambda value, pwd: times(value, factor), lambda value: times(value, 1 / factor))


FILE = {"path": Argument("file_path", _absolute)}
PLACE = {"path": Argument("path", _absolute)}
NOTEBOOK = {"path": Argument("notebook_path", _absolute)}
EDIT = {"old": "old_string", "new": "new_string"}
TOOLS: Mapping[str, Counterpart] = {
    "ask_user": Counterpart(("AskUserQuestion",)),
    "bash": Counterpart(("Bash",), {"timeout": _scaled("timeout", 1000)}),
    "edit": Counterpart(
        ("Edit", "MultiEdit"),
        {**FILE, **{k: Argument(v) for k, v in EDIT.items()}, "edits": _list_of("edits", EDIT, {})},
    ),
    "fetch": Counterpart(("WebFetch",)),
    "glob": Counterpart(("Glob",), PLACE),
    "grep": Counterpart(
        ("Grep",), {**PLACE, "ignore_case": Argument("-i"), "context": Argument("-C"), "limit": Argument("head_limit")}
    ),
    "notebook_edit": Counterpart(
        ("NotebookEdit",),
        {
            **NOTEBOOK,
            "cell": Argument("cell_number"),
            "source": Argument("new_source"),
            "kind": Argument("cell_type"),
            "action": Argument("edit_mode"),
        },
    ),
    "notebook_read": Counterpart(("NotebookRead",), NOTEBOOK),
    "read": Counterpart(("Read",), FILE),
    "skill": Counterpart(("Skill",), {"name": Argument("skill")}),
    "stop_task": Counterpart(("TaskStop", "KillShell"), {"id": Argument("task_id")}),
    "task": Counterpart(("Task", "Agent"), {"agent": Argument("subagent_type")}),
    "tasks": Counterpart(("TaskOutput", "BashOutput"), {"id": Argument("task_id")}),
    "todo": Counterpart(
        ("TodoWrite",),
        {"items": _list_of("todos", {"text": "content"}, {"active": "in_progress", "done": "completed"})},
    ),
    "tree": Counterpart(("LS",), PLACE),
    "web_search": Counterpart(("WebSearch",)),
    "write": Counterpart(("Write",), FILE),
}
UNKNOWN = Counterpart()


def names_of(tool: str) -> tuple[str, ...]:
    """Return all names that a matcher may use for a tool."""
    return (tool, *TOOLS.get(tool, UNKNOWN).names)


def told_name(tool: str, arguments: Mapping[str, Json]) -> str:
    """Return the name that programs are told; edits of several places are a MultiEdit."""
    if tool == "edit" and arguments.get("edits"):
        return "MultiEdit"
    return (*TOOLS.get(tool, UNKNOWN).names, tool)[0]


def told(tool: str, arguments: Mapping[str, Json], pwd: Path) -> dict[str, Json]:
    """Return the arguments as programs know them; paths are absolute, and what has no other name keeps its own."""
    known = TOOLS.get(tool, UNKNOWN).arguments
    pairs = ((known.get(key, Argument(key)), value) for key, value in arguments.items())
    return {argument.name: argument.told(value, pwd) for argument, value in pairs}


def taken_back(tool: str, arguments: Mapping[str, Json], updated: Mapping[str, Json], pwd: Path) -> dict[str, Json]:
    """Return the arguments that programs want instead; what they left as they were told it is as it was."""
    before = told(tool, arguments, pwd)
    ours = {argument.name: (key, argument) for key, argument in TOOLS.get(tool, UNKNOWN).arguments.items()}
    wanted: dict[str, Json] = {}
    for name, value in updated.items():
        key, argument = ours.get(name, (name, Argument(name)))
        kept = key in arguments and name in before and before[name] == value
        wanted[key] = arguments[key] if kept else argument.back(value)
    return wanted
