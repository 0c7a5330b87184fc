"""Any sequence of changes and messages, against a plain model: graphs, who listens, what each creature is told."""

import asyncio
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kt import Terrarium
from kt_terrarium.events import LoopStopped, MessageDropped, MessageSent

from .acts import ACTS, WEIGHTS
from .world import World

LENGTH = 125
Steps: TypeAlias = list[tuple[str, int, int, int]]
NUMBER = st.integers(0, 999)
STEPS = st.lists(st.tuples(st.sampled_from(WEIGHTS), NUMBER, NUMBER, NUMBER), min_size=LENGTH, max_size=LENGTH)
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


async def play(steps: Steps) -> None:
    """Do all steps to an engine and to the model, and compare them after each; nothing is left behind."""
    engine = Terrarium()
    async with engine, engine.subscribe(MessageSent, MessageDropped, LoopStopped, buffer=100_000) as feed:
        world = World(engine)
        for _ in range(3):
            await ACTS["add"](world, 0, 0, 0)
        for name, *numbers in steps:
            await ACTS[name](world, *numbers)
            world.check_graphs()
            for _ in range(sum(numbers) % 5):
                await asyncio.sleep(0)
        for stopped in sorted(world.stopped):
            await world.start(stopped)
        await world.quiet()
        assert feed.dropped == 0
        world.check_events([seen.event for seen in feed.items])
    assert asyncio.all_tasks() == {asyncio.current_task()}


def run(steps: Steps) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    asyncio.run(play(steps))
    assert len([*Path("/proc/self/fd").iterdir()]) <= before


@given(STEPS)
@settings(max_examples=80, deadline=None, suppress_health_check=CHECKS)
def test_ten_thousand_random_steps(steps: Steps) -> None:
    run(steps)


@pytest.mark.slow
@given(STEPS)
@settings(max_examples=800, deadline=None, suppress_health_check=CHECKS)
def test_a_hundred_thousand_random_steps(steps: Steps) -> None:
    run(steps)
