"""An output: every turn into a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kt import Agent
from kt.events import TurnEnded, TurnStarted


@asynccontextmanager
async def transcript(agent: Agent, *, file: str) -> AsyncIterator[None]:
    """Append each turn's input and answer to `file`, a path from the working folder, as Markdown."""
    path = agent.pwd / file

    def write(text: str) -> None:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n\n")

    def started(event: TurnStarted) -> None:
        write(f"**{event.source}**: {event.message.text if event.message else '(goes on)'}")

    def ended(event: TurnEnded) -> None:
        write(f"**{agent.name}**: {event.result.text or event.result.error}")

    offs = agent.bus.on(TurnStarted, started), agent.bus.on(TurnEnded, ended)
    try:
        yield
    finally:
        for off in offs:
            off()
