"""An agent's events as server-sent events."""

import asyncio
import json

from kt import Agent, encode

from .http1 import head_of
from .listening import send

BUFFER = 1000
KEEP_ALIVE_SECONDS = 15.0


async def watch(agent: Agent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send every event until the client goes; one that reads too slowly misses some, and is told how many."""
    await send(writer, head_of(200, {"Content-Type": "text/event-stream"}))
    tasks = [asyncio.ensure_future(_send_events(agent, writer)), asyncio.ensure_future(_until_gone(reader))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_events(agent: Agent, writer: asyncio.StreamWriter) -> None:
    told = 0
    async with agent.bus.stream(buffer=BUFFER) as events:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    event = await anext(events)
                chunk = _chunk(event.kind, encode(event))
            except TimeoutError:
                chunk = b": still here\n\n"
            if events.dropped > told:
                chunk += _chunk("dropped", {"type": "dropped", "count": events.dropped - told})
                told = events.dropped
            await send(writer, chunk)


def _chunk(kind: str, data: object) -> bytes:
    text = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
    return text.encode("utf-8", "backslashreplace")


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass
