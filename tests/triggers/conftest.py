"""A host whose clock stands at noon on Monday, January 5, 2026 (UTC)."""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from kt import Agent, Host, Message, Request, Text, Usage
from kt.testing import VirtualClock

NOON = 1_767_614_400.0


class CountingClock(VirtualClock):
    """A virtual clock that counts how often somebody went to sleep."""

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self.sleeps = 0

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        await super().sleep(seconds)

    def block(self, seconds: float) -> None:
        """Let time pass while nothing can run."""
        self.now += seconds
        while self._sleepers and self._sleepers[0][0] <= self.now:
            heapq.heappop(self._sleepers)[2].set_result(None)

    def put(self, seconds: float) -> None:
        """Put the clock forward or back; who sleeps goes on for as long as was meant."""
        self.now += seconds
        self._sleepers = [(at + seconds, number, future) for at, number, future in self._sleepers]


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give the function that puts the machine into a time zone."""

    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def utc(local_zone: Callable[[str], None]) -> None:
    local_zone("UTC")


@pytest.fixture
def clock() -> CountingClock:
    return CountingClock(NOON)


@pytest.fixture
async def host(clock: CountingClock) -> AsyncIterator[Host]:
    async with Host(clock=clock) as host:
        yield host


class Talk:
    """A model that answers everything, and what it was told; `gate` holds its answers back while it is cleared."""

    model = "talk"

    def __init__(self) -> None:
        self.told: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        self.told.append(request.messages[-1].text)
        await self.gate.wait()
        yield Message("assistant", [Text("ok")], finish="stop", usage=Usage(1, 1))


async def quiet(agent: Agent) -> None:
    """Return when the agent has nothing to do."""
    while agent.turn is not None or agent.has_input or agent.lock.locked():
        await host_clock(agent).advance(0)


def host_clock(agent: Agent) -> VirtualClock:
    clock = agent.host.clock
    assert isinstance(clock, VirtualClock)
    return clock


async def pass_time(agent: Agent, seconds: float) -> None:
    """Let time pass in steps of a minute, in which the agent does what comes up."""
    for step in [0.0] * 20 + [60.0] * int(seconds // 60) + [seconds % 60, *[0.0] * 20]:
        await host_clock(agent).advance(step)
        await quiet(agent)


def creature(*triggers: Any, **more: Any) -> dict[str, Any]:
    return {"name": "test", "triggers": list(triggers), **more}


@pytest.fixture
def talk() -> Talk:
    return Talk()
