"""Lines of a conversation that begin with a slash: `/help`, commands of plugins, and what nobody knows."""

import re

from kt import Agent
from kt.errors import UnknownName, nearest

LEAVING = "Ctrl-D ends the conversation, Ctrl-C interrupts a turn; //WORD says /WORD to the model."
_LINE = re.compile(r"(//?)([A-Za-z][\w-]*)(?:\s+(.*))?")


async def answer_to(agent: Agent, line: str) -> str | None:
    """Return what a line like "/compact words" is answered with here, None for one that is a turn.

    A path is no command, nor is what an active plugin has among its `chat_commands`: it answers in `kt_around_turn`.
    Raises UnknownName with the nearest names, and what a command raises.
    """
    found = _LINE.fullmatch(line)
    if found is None or found[1] == "//":
        return None
    name, words = found[2], (found[3] or "").strip()
    if (entry := agent.host.registry.find("chat_command", name)) is not None:
        return str(await entry.load()(agent, words))
    answered = _answered_by_plugins(agent)
    if name in answered:
        return None
    if name == "help":
        return _help(agent)
    known = [*agent.host.registry.names("chat_command"), *answered, "help"]
    hint = f"{nearest(name, known)} (/help lists them, //{name} goes to the model)"
    raise UnknownName(f"no command /{name}", hint=hint)


def said_in(line: str) -> str:
    """Return what a line says to the model: of "//word" one slash is meant."""
    found = _LINE.fullmatch(line)
    return line[1:] if found is not None and found[1] == "//" else line


def _answered_by_plugins(agent: Agent) -> dict[str, str]:
    """Return the commands that active plugins answer themselves, with the plugin's name."""
    return {name: active.name for active in agent.active for name in getattr(active.plugin, "chat_commands", ())}


def _help(agent: Agent) -> str:
    rows = {entry.name: entry.help for entry in agent.host.registry.entries("chat_command")}
    rows |= {name: f"answered by {plugin}" for name, plugin in _answered_by_plugins(agent).items()}
    rows["help"] = "list these"
    width = max(map(len, rows))
    return "\n".join([*(f"/{name:<{width}}  {help}" for name, help in sorted(rows.items())), LEAVING])
