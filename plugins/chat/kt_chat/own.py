"""The commands that every conversation has."""

import json

from kt import Agent
from kt.errors import DataError, UsageError

from .commands import LEAVING, commands_of
from .reply import ChatReply


async def help(agent: Agent, words: str) -> str:
    """Return the commands, a line each; with a word those that begin with it."""
    rows = [(name, said) for name, said in commands_of(agent) if name.startswith(words.lstrip("/"))]
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"/{name:<{width}}  {said}" for name, said in rows]
    return "\n".join([*lines, "!COMMAND runs in your shell, #TEXT is noted in AGENTS.md, @FILE goes along", LEAVING])


async def exit(agent: Agent, words: str) -> ChatReply:
    """End the conversation."""
    return ChatReply(leave=True)


async def copy(agent: Agent, words: str) -> ChatReply:
    """Copy the last answer; with "code" its last block of code."""
    said = next((m.text for m in reversed(agent.history) if m.role == "assistant" and m.text), "")
    if not said:
        return ChatReply("there is no answer yet")
    if words == "code":
        blocks = said.split("```")[1::2]
        if not blocks:
            return ChatReply("the last answer has no block of code")
        said = blocks[-1].partition("\n")[2].rstrip("\n")
    return ChatReply(f"copied {len(said):,} characters", copy=said)


async def model(agent: Agent, words: str) -> str:
    """Show the agent's model, or go on with another from the next request on. Raises KTError for one that is none."""
    registry = agent.host.registry
    if not words:
        presets = ", ".join(sorted(registry.get("loader", "presets")())) or "none yet"
        return f"{agent.model}\n/model NAME goes on with another: a preset ({presets}) or PROVIDER/MODEL"
    provider, name, settings = registry.get("loader", "model")(agent.host, words)
    needed = set(getattr(provider, "plugins", ())) - {active.name for active in agent.active}
    if needed or getattr(provider, "variant", "") != getattr(agent.provider, "variant", ""):
        raise UsageError(f"{name} needs another agent around it", hint=f"kt resume --last --model {words}")
    before, agent.provider, agent.model, agent.settings = agent.model, provider, name, settings
    return f"{before} -> {name}, until this conversation ends"


async def mcp(agent: Agent, words: str) -> str:
    """Return the MCP servers that the project's .mcp.json names, and who connects to them: nobody, without a plugin.

    Raises DataError for a file that can't be read.
    """
    file = next((f for f in (folder / ".mcp.json" for folder in (agent.pwd, *agent.pwd.parents)) if f.is_file()), None)
    if file is None:
        return "no .mcp.json names an MCP server here"
    try:
        servers = json.loads(file.read_text("utf-8")).get("mcpServers", {})
        rows = [f"{name}  {table.get('url') or table.get('command', '')}" for name, table in servers.items()]
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"can't be read: {error}", where=str(file)) from None
    return "\n".join([*rows, f"named in {file}; no plugin that is installed connects to MCP servers"])


async def tools(agent: Agent, words: str) -> str:
    """Return the agent's tools, a line each."""
    width = max((len(name) for name in agent.tools), default=0)
    return "\n".join(f"{t.name:<{width}}  {t.description.partition(chr(10))[0]}" for t in agent.tool_list) or "no tools"
