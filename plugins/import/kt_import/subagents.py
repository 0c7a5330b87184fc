"""The list `subagents`: names as ours, and tables of the sub-agents that a creature describes itself."""

import posixpath
import re
from dataclasses import replace

from kt.errors import nearest

from . import models, prompt_keys, tools
from .names import SUBAGENTS, SUBAGENTS_GONE, WRITE
from .section import Section, Target, is_number
from .work import Home, Work
from .yaml_text import dump

TEXTS = ("system_prompt", "extra_prompt")
FILES = ("prompt_file", "system_prompt_file", "extra_prompt_file")
GONE = {
    "module": WRITE["subagent"],
    "class": WRITE["subagent"],
    "config": WRITE["subagent"],
    "can_modify": "its tools say what it may do, and the guards of its parent stand around them",
    "modifying_tools": "its tools say what it may do, and the guards of its parent stand around them",
    "interactive": "a sub-agent is given work by the tool task, and can be gone on with by its id",
    "stateless": "a sub-agent keeps its conversation while it may be gone on with: plugins.subagents.keep",
    "context_mode": "who calls the tool task decides: a new one, or id= to go on",
    "output_to": "the answer goes to its parent",
    "output_module": "the answer goes to its parent",
    "return_as_context": "the answer goes to its parent",
    "default_plugins": "it has its parent's plugins and guards",
    "plugins": "it has its parent's plugins and guards; plugins: {NAME: {...}} gives it more",
    "compact": "it has its parent's plugin compaction",
    "memory_path": "it works in its parent's folder",
    "tool_format": "the calls' form is the provider's",
    "budget_inherit": "it has a share of its parent's budget",
    "options": "its table has no options: docs/subagents.md",
}


def take(work: Work, section: Section, target: Target, home: Home) -> None:
    """Move the sub-agents of a creature."""
    entries = section.inner("subagents")
    for key in list(entries.left):
        if isinstance(entries.get(key), str):
            _named(work, entries, key, entries.text(key), target)
        elif isinstance(entries.get(key), dict):
            _entry(work, entries.inner(key), target, home)
        else:
            entries.drop(key, "a sub-agent is a name or a table")


def _ours(work: Work, name: str) -> tuple[str, str]:
    """Return (our name, why there is none)."""
    if name in SUBAGENTS_GONE:
        return "", SUBAGENTS_GONE[name]
    ours, registry = SUBAGENTS.get(name, name), work.plugins.registry
    if registry.find("subagent", ours) is None:
        return "", f"no sub-agent is called {ours!r}; {nearest(ours, registry.names('subagent'))}"
    return ours, ""


def _named(work: Work, entries: Section, key: str | int, name: str, target: Target) -> None:
    ours, why = _ours(work, name)
    if not ours:
        entries.drop(key, why)
    elif ours in _names(target):
        entries.drop(key, f"a sub-agent {ours} is there already")
    else:
        entries.add(key, target, "subagents", ours)


def _names(target: Target) -> set[str]:
    return {e if isinstance(e, str) else str(e["name"]) for e in target.data.get("subagents", ())}


def _entry(work: Work, entry: Section, target: Target, home: Home) -> None:
    """Move a table: a sub-agent of the system with changes, or one that the creature describes."""
    name = entry.text("name")
    described = any(entry.text(key) for key in (*TEXTS, *FILES))
    ours, why = (name, "") if described and name else _ours(work, name)
    if not ours or ours in _names(target):
        for key in list(entry.left):
            entry.drop(key, why or f"a sub-agent {ours} is there already")
        return
    table = Target(("subagents", ours))
    entry.move("name", table, value=ours, why="" if ours == name else f"{name} is {ours} here")
    made = _described(work, entry, table, home) if described else table
    if not described:
        table.data["base"] = ours
    if isinstance(entry.get("type"), str):
        entry.used("type", "subagents: what the table has says it")
    entry.move("description", made, want="text")
    tools.take(work, entry, made)
    _bounds(entry, made, table)
    models.take(entry, made)
    models.finish(made)
    for key, reason in GONE.items():
        entry.drop(key, reason)
    target.add("subagents", table.data if set(table.data) - {"name", "base"} or described else ours)
    if described:
        work.files[made.name[0]] = dump(made.data)


def _described(work: Work, entry: Section, table: Target, home: Home) -> Target:
    """Return the table of a file of its own, with its prompt; `base` of the sub-agent's table names it."""
    path = work.free(home.path(f"subagents/{_file_name(table.name[-1])}.yaml"))
    made, own = Target((path,)), replace(home, variables={})
    work.files[path] = ""
    work.creature_files.append(path)
    table.data["base"] = f"./{posixpath.relpath(path, home.out or '.')}"
    prompt_keys.take(work, entry, made, own, files=FILES, texts=TEXTS, out=posixpath.dirname(path))
    if own.variables:
        made.data["variables"] = own.variables
    return made


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "subagent"


def _bounds(entry: Section, made: Target, table: Target) -> None:
    """Move what bounds a sub-agent's work: of its turns its own matter, of the rest its parent's."""
    for key, to in (("max_turns", ("limits", "max_turns")), ("timeout", ("timeout",))):
        value = entry.get(key)
        if is_number(value) and value > 0 and (key == "timeout" or value == int(value)):
            entry.move(key, table if key == "timeout" else made, to)
        entry.drop(key, "no positive number bounds nothing")
    share = entry.get("budget_allocation")
    if is_number(share) and 0 < share <= 1:
        entry.move("budget_allocation", table, ("share",))
    entry.drop("budget_allocation", "a sub-agent's share is a number above 0 and up to 1")
