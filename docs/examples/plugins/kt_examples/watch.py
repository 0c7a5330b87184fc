"""A trigger: a turn whenever a file changes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kt import Agent


@asynccontextmanager
async def watch_file(
    agent: Agent, *, path: str, seconds: float = 1.0, say: str = "{path} changed."
) -> AsyncIterator[None]:
    """Look at `path`, from the working folder, every so many seconds; say so when it was changed, made or removed."""
    file = agent.pwd / path

    async def watch() -> None:
        known = stamp(file)
        while True:
            await agent.host.clock.sleep(seconds)
            if (now := stamp(file)) != known:
                known = now
                agent.send(say.format(path=path), source="watch_file")

    task = agent.host.spawn(watch(), name=f"watch {path}")
    try:
        yield
    finally:
        task.cancel()


def stamp(file: Path) -> tuple[int, int] | None:
    """Return what tells one state of a file from another; None where there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
