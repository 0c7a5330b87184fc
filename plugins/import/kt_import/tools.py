"""The list `tools`: names as ours, and what must be written anew."""

from kt.errors import nearest

from .names import SPAWNING, TOOLS, TOOLS_GONE, WRITE
from .section import Section, Target
from .work import Work

OPTIONS = "a tool takes no settings from a creature; a call has arguments, the guards and the sandbox have settings"


def take(work: Work, section: Section, target: Target) -> None:
    """Move the tools of a creature."""
    tools = section.inner("tools")
    for key in list(tools.left):
        if isinstance(tools.get(key), str):
            _add(work, tools, key, tools.text(key), target)
        elif isinstance(tools.get(key), dict) and tools.get(key).get("type") in ("custom", "package"):
            tools.drop(key, f"{tools.get(key).get('name')}: {WRITE['tool']}")
        elif isinstance(tools.get(key), dict):
            _entry(work, tools.inner(key), target)
        else:
            tools.drop(key, "a tool is a name or a table")


def _entry(work: Work, entry: Section, target: Target) -> None:
    if isinstance(entry.get("type"), str):
        entry.used("type", "tools: a name says all")
    if isinstance(entry.get("name"), str):
        _add(work, entry, "name", entry.text("name"), target)
    else:
        entry.drop("name", "a tool without a name")
    entry.drop("doc_mode", "a tool's whole description is always in the request")
    for key in ("module", "class"):
        entry.drop(key, WRITE["tool"])
    options = entry.inner("options")
    for option in list(options.left):
        options.drop(option, OPTIONS)


def _add(work: Work, section: Section, key: str | int, name: str, target: Target) -> None:
    if name in TOOLS_GONE:
        section.drop(key, TOOLS_GONE[name])
        return
    registry = work.plugins.registry
    ours = TOOLS.get(name, name)
    if registry.find("tool", ours) is None:
        section.drop(key, f"no tool is called {ours!r}; {nearest(ours, registry.names('tool'))}")
        return
    section.add(key, target, "tools", ours)
    if ours in SPAWNING:
        target.put(("plugins", SPAWNING[ours]), {})
