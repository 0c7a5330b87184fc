"""The trigger `channel`: a creature is woken by what is said on a channel, in words of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kt import Agent
from kt.errors import ConfigError

from .membership import member_of


@asynccontextmanager
async def channel(agent: Agent, *, channel: str, prompt: str = "", sender: str = "") -> AsyncIterator[None]:
    """Listen to a channel while the agent runs.

    prompt: what the creature reads, with {source} and {content}; the message itself if empty. sender: the only one it
    hears. Raises ConfigError outside of a terrarium.
    """
    if (member := member_of(agent)) is None:
        raise ConfigError("the trigger 'channel' needs a terrarium", where=agent.name, hint="run it in a recipe")
    made = await member.engine.add_channel(channel, listeners=[member])
    box = made.listeners[agent.name]
    box.prompt, box.sender = prompt, sender
    yield
