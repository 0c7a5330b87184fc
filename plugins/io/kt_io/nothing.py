"""The input and the output that a creature names to say that it has none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kt import Agent


@asynccontextmanager
async def nothing(agent: Agent) -> AsyncIterator[None]:
    """Do nothing while the agent runs."""
    yield
