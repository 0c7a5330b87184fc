"""The conversation between a person and an agent, without a screen, and the commands that every conversation has."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

COMMANDS = {
    "help": "list these: /help [WORD]",
    "exit": "end the conversation",
    "copy": "put the last answer on the clipboard: /copy [code]",
    "model": "see the model, or go on with another: /model [NAME]",
    "mcp": "the MCP servers that .mcp.json names",
    "tools": "list the agent's tools",
}


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, help in COMMANDS.items():
        registry.add("chat_command", name, f"kt_chat.own:{name}", help=help)
