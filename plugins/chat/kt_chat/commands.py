"""Lines that begin with a slash: commands of plugins, what active plugins answer themselves, and what nobody knows."""

import re
from collections.abc import Iterator, Mapping

from kt import Agent
from kt.errors import UnknownName, nearest

from .reply import ChatReply

LEAVING = "Ctrl-D ends the conversation, Ctrl-C interrupts a turn; //WORD says /WORD to the model."
_LINE = re.compile(r"(//?)([A-Za-z][\w:-]*)(?:\s+(.*))?", re.DOTALL)


async def reply_to(agent: Agent, line: str) -> ChatReply | None:
    """Return what a line like "/compact words" is answered with, None for one that is a turn.

    A path is no command, nor is what an active plugin has among its `chat_commands`: it answers in `kt_around_turn`.
    Raises UnknownName with the nearest names, and what a command raises.
    """
    found = _LINE.fullmatch(line)
    if found is None or found[1] == "//":
        return None
    name, words = found[2], (found[3] or "").strip()
    registry = agent.host.registry
    if (entry := registry.find("chat_command", name)) is not None:
        return _reply(await entry.load()(agent, words))
    if name in _answered_by_plugins(agent):
        return None
    for several in registry.entries("chat_commands"):
        source = several.load()
        if name in source.names(agent):
            return _reply(source.answer(agent, name, words))
    hint = f"{nearest(name, [row[0] for row in commands_of(agent)])} (/help lists them, //{name} goes to the model)"
    raise UnknownName(f"no command /{name}", hint=hint)


def said_in(line: str) -> str:
    """Return what a line says to the model: of "//word" one slash is meant."""
    found = _LINE.fullmatch(line)
    return line[1:] if found is not None and found[1] == "//" else line


def commands_of(agent: Agent) -> list[tuple[str, str]]:
    """Return (name, help) of each command that this agent's person has, by name."""
    registry = agent.host.registry
    rows: dict[str, str] = {}
    for several in registry.entries("chat_commands"):
        rows |= several.load().names(agent)
    rows |= {name: f"answered by {plugin}" for name, plugin in _answered_by_plugins(agent).items()}
    rows |= {entry.name: entry.help for entry in registry.entries("chat_command")}
    return sorted(rows.items())


def words_after(agent: Agent, name: str) -> Iterator[str]:
    """Yield the words that may follow a command, where it says so."""
    entry = agent.host.registry.find("chat_command", name)
    if entry is not None and (target := entry.data.get("complete")):
        from importlib import import_module

        module, _, attribute = str(target).partition(":")
        yield from getattr(import_module(module), attribute)(agent)


def _reply(answer: object) -> ChatReply:
    return answer if isinstance(answer, ChatReply) else ChatReply(str(answer))


def _answered_by_plugins(agent: Agent) -> Mapping[str, str]:
    """Return the commands that active plugins answer themselves, with the plugin's name."""
    return {name: active.name for active in agent.active for name in getattr(active.plugin, "chat_commands", ())}
