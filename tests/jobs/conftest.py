"""A background tool that a test holds in its hands."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kt import tool


class Work:
    """A background tool that runs until the test lets it end."""

    def __init__(self, name: str = "work") -> None:
        self.began, self.may_end, self.gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.seen: list[dict[str, Any]] = []

        @tool(background=True, name=name)
        async def work(what: str = "it") -> str:
            """Work for long."""
            self.seen.append({"what": what})
            self.began.set()
            try:
                await self.may_end.wait()
            finally:
                self.gone.set()
            if what == "fails":
                raise RuntimeError("it broke")
            return f"{what} is worked out"

        self.tool = work


@pytest.fixture
def make_work() -> Callable[..., Work]:
    return Work


@pytest.fixture
def work() -> Work:
    return Work()
