"""Fixtures for the tests of pipelines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest


class Held:
    """A function for a step: it waits until told, and notes how its calls ended."""

    def __init__(self) -> None:
        self.go, self.begun, self.ended = asyncio.Event(), list[Any](), list[str]()
        self.began = asyncio.Event()

    async def __call__(self, x: Any) -> Any:
        self.begun.append(x)
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # who cancels it must wait for this
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return x


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
async def left() -> AsyncIterator[Callable[[], set["asyncio.Task[Any]"]]]:
    """Return a function that returns the tasks which a test has started and which have not ended."""

    def tasks() -> set["asyncio.Task[Any]"]:
        others = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        return {task for task in others if "TestRunner" not in getattr(task.get_coro(), "__qualname__", "")}

    yield tasks
    assert tasks() == set()
